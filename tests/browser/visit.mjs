// A visit by a real browser: node visit.mjs CHROMIUM URL cookie|header. Prints what happened as one JSON object.
import { chromium } from "playwright-core";

const [executablePath, url, transfer] = process.argv.slice(2);
const TABS = 10;

const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
const context = await browser.newContext();
const faults = [];

async function open() {
  const tab = await context.newPage();
  tab.on("pageerror", (error) => faults.push(error.message));
  await tab.goto(url);
  await tab.evaluate(
    ([apiDomain, tokenTransferMethod]) => {
      window.seen = [];
      window.SDK.init({ apiDomain, apiBasePath: "/auth", tokenTransferMethod, onHandleEvent: (e) => window.seen.push(e.action) });
    },
    [url, transfer],
  );
  return tab;
}

const call = (tab, method, path) =>
  tab.evaluate(async ([m, p]) => {
    const answer = await fetch(p, { method: m });
    return { status: answer.status, body: await answer.json() };
  }, [method, path]);
const exists = (tab) => tab.evaluate(() => window.SDK.doesSessionExist());
const expire = (tab) => call(tab, "GET", "/wait");
const names = async () => (await context.cookies()).filter((cookie) => cookie.value).map((cookie) => cookie.name);

const tab = await open();
const said = {};
said.login = await call(tab, "POST", "/login");
said.exists = await exists(tab);
said.user = await tab.evaluate(() => window.SDK.getUserId());
said.first = await call(tab, "POST", "/count");
await call(tab, "POST", "/promote");
said.role = await tab.evaluate(async () => (await window.SDK.getAccessTokenPayloadSecurely()).role);
await expire(tab);
said.refreshed = await call(tab, "POST", "/count");
const tabs = [tab];
while (tabs.length < TABS) tabs.push(await open());
await expire(tab);
said.tabs = (await Promise.all(tabs.map((each) => call(each, "POST", "/count")))).map((answer) => answer.status);
said.cookies = await names();
await tab.evaluate(() => window.SDK.signOut());
said.signedOut = await exists(tab);
said.after = await call(tab, "GET", "/me");
said.left = await names();
said.events = await tab.evaluate(() => window.seen);
said.faults = faults;
console.log(JSON.stringify(said));
await browser.close();
