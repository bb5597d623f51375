import { readFileSync } from "node:fs";
import openapiTS, { astToString, COMMENT_HEADER } from "openapi-typescript";
import { expect, test } from "vitest";

test("the types are those of the API's document; `npm run types` makes them anew", { timeout: 60_000 }, async () => {
  const made = COMMENT_HEADER + astToString(await openapiTS(new URL("../../../docs/openapi.json", import.meta.url)));
  const kept = readFileSync(new URL("openapi.ts", import.meta.url), "utf8");
  // Not `toBe`: nine thousand lines make an answer that nobody reads.
  expect(made === kept, "web/src/api/openapi.ts is not what docs/openapi.json gives").toBe(true);
});
