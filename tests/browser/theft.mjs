// A thief uses a refresh token that its owner has long replaced: node theft.mjs WANTED. Prints what happened.
import { begin } from "./browser.mjs";

const { api, transfer, open, call, exists, cookies, names, end } = await begin();
const [name, header, prefix] =
  transfer === "cookie" ? ["sRefreshToken", "cookie", "sRefreshToken="] : ["st-refresh-token", "authorization", "Bearer "];

// Refresh with a token from outside the browser.
async function replay(token) {
  const headers = { rid: "session", [header]: prefix + token };
  const answer = await fetch(api + "/auth/session/refresh", { method: "POST", headers });
  return { status: answer.status, body: await answer.json() };
}

const refreshToken = async () => (await cookies()).find((cookie) => cookie.name === name).value;

const tab = await open();
const said = {};
await call(tab, "POST", "/login");
const stolen = await refreshToken();
said.refreshed = [];
for (let turn = 0; turn < 2; turn++) {
  said.refreshed.push(await tab.evaluate(() => window.SDK.attemptRefreshingSession()));
}
said.before = await call(tab, "POST", "/count");
const current = await refreshToken();
said.thief = await replay(stolen);
said.owner = await replay(current);
said.after = await call(tab, "POST", "/count");
said.exists = await exists(tab);
said.left = await names();
said.events = await tab.evaluate(() => window.seen);
await end(said);
