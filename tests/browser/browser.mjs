// A real browser, and what the pages in it can be told. Journeys start with `begin`, which reads what the test wants as
// JSON from the command line: {chromium, api, website, stranger, transfer, profile, cookiesOff}.
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { chromium } from "playwright-core";

// Names below .test are looked for on loopback, where the certificates are nobody's.
const ARGS = ["--no-sandbox", "--host-resolver-rules=MAP *.test 127.0.0.1"];

// Whether a browser keeps cookies of other sites than the page's is a preference of the user, and its default differs
// from one build of Chromium to the next: Debian's refuses them. So each profile says it.
async function writePreferences(profile, cookiesOff) {
  const preferences = { profile: { cookie_controls_mode: cookiesOff ? 1 : 0 } };
  await mkdir(join(profile, "Default"));
  await writeFile(join(profile, "Default", "Preferences"), JSON.stringify(preferences));
}

export async function begin() {
  const { chromium: executablePath, profile, cookiesOff, ...told } = JSON.parse(process.argv[2]);
  const { api, website, stranger, transfer } = told;
  await writePreferences(profile, cookiesOff);
  const options = { executablePath, args: ARGS, ignoreHTTPSErrors: true };
  const context = await chromium.launchPersistentContext(profile, options);
  const faults = [];
  const refreshes = [];
  context.on("request", (sent) => {
    if (sent.method() === "POST" && sent.url().endsWith("/auth/session/refresh")) refreshes.push(sent.url());
  });

  // A tab where the frontend SDK is not at work.
  async function openPlain(origin) {
    const tab = await context.newPage();
    tab.on("pageerror", (error) => faults.push(error.message));
    await tab.goto(origin);
    return tab;
  }

  async function open() {
    const tab = await openPlain(website);
    await tab.evaluate(
      ([apiDomain, tokenTransferMethod]) => {
        window.seen = [];
        const onHandleEvent = (event) => window.seen.push(event.action);
        window.SDK.init({ apiDomain, apiBasePath: "/auth", tokenTransferMethod, onHandleEvent });
      },
      [api, transfer],
    );
    return tab;
  }

  const call = (tab, method, path) =>
    tab.evaluate(
      async ([url, m]) => {
        const answer = await fetch(url, { method: m });
        return { status: answer.status, body: await answer.json() };
      },
      [api + path, method],
    );

  // Open a stranger's page, and give a function that has it send what a form could. It tells how that was answered, and
  // whether the browser added the session's cookie.
  async function openForger(path) {
    const tab = await openPlain(stranger);
    const wire = await context.newCDPSession(tab);
    await wire.send("Network.enable");
    return async () => {
      const sent = new Promise((resolve) => wire.once("Network.requestWillBeSentExtraInfo", resolve));
      const [answer] = await Promise.all([
        tab.waitForResponse(api + path),
        tab.evaluate((url) => fetch(url, { method: "POST", mode: "no-cors", credentials: "include" }), api + path),
      ]);
      const { Cookie = "" } = (await sent).headers;
      return { status: answer.status(), cookies: Cookie.includes("sAccessToken=") };
    };
  }

  // Wait until the access token has expired: browser, server and driver have the same clock.
  async function expire(tab) {
    const { exp } = await tab.evaluate(() => window.SDK.getAccessTokenPayloadSecurely());
    await tab.waitForTimeout(exp * 1000 - Date.now() + 100);
  }

  const exists = (tab) => tab.evaluate(() => window.SDK.doesSessionExist());
  const cookies = async () => (await context.cookies()).filter((cookie) => cookie.value);
  const names = async () => (await cookies()).map((cookie) => cookie.name);

  async function end(said) {
    await context.close();
    console.log(JSON.stringify({ ...said, faults }));
  }

  return { ...told, refreshes, openPlain, open, openForger, call, expire, exists, cookies, names, end };
}
