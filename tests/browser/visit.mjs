// A whole visit: node visit.mjs WANTED. Prints what happened as one JSON object.
import { begin } from "./browser.mjs";

const TABS = 10;

const { refreshes, open, openForger, call, expire, exists, names, end } = await begin();

const tab = await open();
const said = {};
said.login = await call(tab, "POST", "/login");
said.exists = await exists(tab);
said.user = await tab.evaluate(() => window.SDK.getUserId());
said.first = await call(tab, "POST", "/count");
await call(tab, "POST", "/promote");
said.role = await tab.evaluate(async () => (await window.SDK.getAccessTokenPayloadSecurely()).role);

const forge = await openForger("/count");
const tabs = [tab, ...(await Promise.all(Array.from({ length: TABS - 1 }, open)))];
await expire(tab);
said.refreshed = await call(tab, "POST", "/count");
said.forged = await forge();

await expire(tab);
refreshes.length = 0;
said.tabs = (await Promise.all(tabs.map((each) => call(each, "POST", "/count")))).map((answer) => answer.status);
said.refreshes = refreshes.length;
said.cookies = await names();

await tab.evaluate(() => window.SDK.signOut());
said.signedOut = await exists(tab);
said.after = await call(tab, "GET", "/me");
said.left = await names();
said.events = await tab.evaluate(() => window.seen);
await end(said);
