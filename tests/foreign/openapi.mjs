// Holds OpenAPI documents to the schema of their version. stdin: a list of documents as text; stdout: a list of
// {"valid","version","errors"}.
import { Validator } from '@seriousme/openapi-schema-validator';

const chunks = [];
for await (const chunk of process.stdin) chunks.push(chunk);
const validator = new Validator();
const results = [];
for (const text of JSON.parse(Buffer.concat(chunks).toString())) {
  const result = await validator.validate(text);
  results.push({ valid: result.valid, version: validator.version ?? null, errors: result.errors ?? [] });
}
process.stdout.write(JSON.stringify(results));
