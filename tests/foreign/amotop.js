// Runs one method of @mobilon-dev/amotop's scope or channel client.
// stdin: {"domain","scopeId"|"channelId","channelSecret","steps":[[method, ...arguments], ...]}; stdout: a list of
// {"data"} or {"status","error"}. An argument {"$": [step, "path", ...]} stands for part of an earlier answer; a step
// ["payload:NAME", params] sends what the library's own payload maker NAME gives.
const { AmoJoScopeClient, AmoJoChannelClient } = require('@mobilon-dev/amotop');

function filled(value, results) {
  if (Array.isArray(value)) return value.map((v) => filled(v, results));
  if (value && typeof value === 'object') {
    if (value.$) return value.$.slice(1).reduce((v, key) => v[key], results[value.$[0]].data);
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, filled(v, results)]));
  }
  return value;
}

async function step(client, [method, ...given], results) {
  const args = filled(given, results);
  if (method.startsWith('payload:')) return client.sendMessage(client[method.slice(8)](...args));
  return client[method](...args);
}

async function main() {
  const chunks = [];
  for await (const chunk of process.stdin) chunks.push(chunk);
  const task = JSON.parse(Buffer.concat(chunks));
  const options = { ...task, amoChatDomain: task.domain };
  const client = task.channelId ? new AmoJoChannelClient(options) : new AmoJoScopeClient(options);
  const results = [];
  for (const one of task.steps) {
    try {
      results.push({ data: await step(client, one, results) });
    } catch (error) {
      results.push({ status: error.response?.status ?? null, error: String(error.message) });
    }
  }
  process.stdout.write(JSON.stringify(results));
}

main();
