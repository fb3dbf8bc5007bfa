// Signs and verifies with the reference library of Standard Webhooks.
// stdin: a list of {"do":"sign","secret","id","timestamp","body"} or
// {"do":"verify","secret","headers","body","now"?}; bodies are base64. stdout: a list of signatures, or
// true / the error's words.
const { Webhook } = require('standardwebhooks');

const realNow = Date.now;

function run(task) {
  const hook = new Webhook(task.secret);
  const body = Buffer.from(task.body, 'base64');
  if (task.do === 'sign') return hook.sign(task.id, new Date(Number(task.timestamp) * 1000), body);
  Date.now = task.now === undefined ? realNow : () => task.now * 1000;
  try {
    hook.verify(body, task.headers, { jsonParse: false });
    return true;
  } catch (error) {
    return String(error.message);
  } finally {
    Date.now = realNow;
  }
}

async function main() {
  const chunks = [];
  for await (const chunk of process.stdin) chunks.push(chunk);
  process.stdout.write(JSON.stringify(JSON.parse(Buffer.concat(chunks)).map(run)));
}

main();
