// Parses an AsyncAPI document with the specification's own parser: prints each error and warning, and fails if there is one.
// Usage: node check.mjs FOLDER_OF_NODE_MODULES FILE
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const [folder, file] = process.argv.slice(2);
const { Parser } = createRequire(`${folder}/`)("@asyncapi/parser");
const WARNING = 1;
const { document, diagnostics } = await new Parser().parse(readFileSync(file, "utf8"));
const faults = diagnostics.filter((diagnostic) => diagnostic.severity <= WARNING);
for (const fault of faults) {
  console.log(fault.code, fault.path.join("."), fault.message);
}
if (document) {
  console.log(`channels ${document.channels().length}, operations ${document.operations().length}`);
}
process.exit(document && faults.length === 0 ? 0 : 1);
