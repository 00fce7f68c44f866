// Runs samples of the API document against a server and prints what each met, as JSON.
//
// Standard input: {"base": "http://…", "runs": [{"file": "…", "replace": {"text in the sample": "other text", …}}]}.
// A sample's relative address is resolved against the base, and `require('node-fetch')` gives Node's own fetch.
import { readFileSync } from "node:fs";
import vm from "node:vm";

const { base, runs } = JSON.parse(readFileSync(0, "utf8"));
const settle = () => new Promise((done) => setTimeout(done, 10));
let failure = null;
process.on("unhandledRejection", (error) => {
  failure = error.name;
});

async function run({ file, replace }) {
  let source = readFileSync(new URL(file, import.meta.url), "utf8");
  for (const [text, other] of Object.entries(replace)) source = source.replaceAll(text, other);
  const met = { status: null, type: null, printed: [], failure: null };
  let answered;
  const finished = new Promise((done) => (answered = done));
  const sampleFetch = async (address, options) => {
    const response = await fetch(new URL(address, base), options);
    const text = await response.clone().text();
    Object.assign(met, { status: response.status, type: response.headers.get("content-type"), text });
    setTimeout(answered, 20);
    return response;
  };
  let script;
  try {
    script = new vm.Script(source, { filename: file });
  } catch (error) {
    return { ...met, failure: `no JavaScript: ${error.name}` };
  }
  failure = null;
  script.runInNewContext({
    fetch: sampleFetch,
    require: (name) => (name === "node-fetch" ? sampleFetch : undefined),
    console: { log: (...values) => met.printed.push(...values) },
  });
  await finished;
  await settle();
  return { ...met, failure };
}

const results = [];
for (const one of runs) results.push(await run(one));
console.log(JSON.stringify(results));
