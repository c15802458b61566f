// Where a browser keeps no cookies of the API: node cookies_off.mjs WANTED. Prints what happened.
import { begin } from "./browser.mjs";

const { api, website, openPlain, names, end } = await begin();

const tab = await openPlain(website);
const said = {};
said.login = await tab.evaluate(async (url) => {
  const headers = { "st-auth-mode": "cookie" };
  return (await fetch(url, { method: "POST", credentials: "include", headers })).status;
}, api + "/login");
said.cookies = await names();
await end(said);
