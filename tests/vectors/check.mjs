// Runs every vector of spec/vectors through jose, canonicalize and standardwebhooks; see
// verify-receipt.mjs.

import { readFileSync, readdirSync } from "node:fs";
import canonicalize from "canonicalize";
import { Webhook, WebhookVerificationError } from "standardwebhooks";
import { Refused, digest, entryHash, jsonDigest, thumbprints, verifyBundle, verifyReceipt } from "./verify-receipt.mjs";

const vectors = new URL("../../spec/vectors/", import.meta.url);
const read = (name) => JSON.parse(readFileSync(new URL(name, vectors), "utf8"));

// The exit code, as `askfirst verify` would give it. Only `Refused` counts as a refusal: any
// other exception is a bug of the verifier and ends the run.
async function judge(vector, jwks) {
  const keys = vector.thumbprints === null ? jwks : new Map();
  try {
    const { exit } = vector.bundle === null
      ? await verifyReceipt(vector.token, keys, vector.expect)
      : await verifyBundle(vector.bundle, keys, vector.thumbprints ?? [], vector.expect);
    return exit;
  } catch (error) {
    if (error instanceof Refused) return 4;
    throw error;
  }
}

const failures = [];
let count = 0;
function expect(name, found, wanted) {
  count += 1;
  if (found !== wanted) failures.push(`${name}: ${found} instead of ${wanted}`);
}

const jwks = await thumbprints(read("jwks.json"));
for (const name of ["good.json", "refused.json"]) {
  for (const vector of read(name)) {
    expect(`${name}: ${vector.name}`, await judge(vector, jwks), vector.exit);
  }
}

for (const name of readdirSync(new URL("jcs/", vectors)).sort()) {
  const vector = read(`jcs/${name}`);
  if (name !== "numbers.json") {
    expect(name, canonicalize(JSON.parse(vector.input)), vector.canonical);
    continue;
  }
  for (const { bits, text } of vector.numbers.filter((number) => number.text !== null)) {
    expect(bits, canonicalize(Buffer.from(bits, "hex").readDoubleBE()), text);
  }
}

const digests = read("digests.json");
for (const vector of digests.json) {
  expect("canonical", canonicalize(vector.value), vector.canonical);
  expect("digest", jsonDigest(vector.value), vector.digest);
}
for (const vector of digests.text) expect("text digest", digest(vector.text), vector.digest);
const { audit } = digests;
expect("genesis", jsonDigest({ domain: "askfirst-audit-genesis/1", workspace: audit.workspace }), audit.genesis);
for (const vector of audit.entries) expect("audit entry", entryHash(vector.entry), vector.hash);

// Whether a receiver with this secret takes it, so many seconds after it was signed.
function accepts(secret, body, headers, late = 0) {
  const now = Date.now;
  Date.now = () => (Number(headers["webhook-timestamp"]) + late) * 1000;
  try {
    new Webhook(secret).verify(body, headers);
    return true;
  } catch (error) {
    if (error instanceof WebhookVerificationError) return false;
    throw error;
  } finally {
    Date.now = now;
  }
}

for (const { name, body, headers, secrets, strangers } of read("webhooks.json")) {
  for (const secret of secrets) {
    expect(`webhook: ${name}`, accepts(secret, body, headers), true);
    expect(`webhook, late: ${name}`, accepts(secret, body, headers, 301), false);
    expect(`webhook, changed: ${name}`, accepts(secret, `${body} `, headers), false);
    const other = { ...headers, "webhook-id": `${headers["webhook-id"]}0` };
    expect(`webhook, another id: ${name}`, accepts(secret, body, other), false);
  }
  for (const secret of strangers) {
    expect(`webhook, stranger: ${name}`, accepts(secret, body, headers), false);
  }
}

for (const failure of failures) console.error(failure);
console.log(`node: ${count - failures.length} of ${count} vectors agree`);
process.exitCode = failures.length > 0 ? 1 : 0;
