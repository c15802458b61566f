// The official Node SDK updates sessions: node bulk.mjs URL WORKERS. For each line of its input, {"handles": […],
// "data": {…}}, it prints the seconds that took and the CPU seconds among them.
import { createInterface } from "node:readline";
import supertokens from "supertokens-node";
import Session from "supertokens-node/recipe/session/index.js";

const [connectionURI, workers] = process.argv.slice(2);
supertokens.init({
    appInfo: { appName: "Bench", apiDomain: "http://localhost:8000", websiteDomain: "http://localhost:3000" },
    supertokens: { connectionURI },
    recipeList: [Session.init()],
});

async function update(left, data) {
    for (const handle of left) {
        if (!(await Session.updateSessionDataInDatabase(handle, data))) throw new Error("no such session");
    }
}

for await (const line of createInterface({ input: process.stdin })) {
    const { handles, data } = JSON.parse(line);
    const left = handles.values();
    const cpu = process.cpuUsage();
    const begun = performance.now();
    await Promise.all(Array.from({ length: Number(workers) }, () => update(left, data)));
    const seconds = (performance.now() - begun) / 1e3;
    const { user, system } = process.cpuUsage(cpu);
    console.log(JSON.stringify({ seconds, cpu_s: (user + system) / 1e6 }));
}
