// Runs methods of @mobilon-dev/amotop's scope or channel client, one after another.
// stdin: {"domain","scopeId"|"channelId","channelSecret","steps":[[method, ...arguments], ...]}; stdout: a list of
// {"data"} or {"status","error","body"}. An argument {"$": [step, "path", ...]} stands for part of an earlier answer.
// A step ["payload:NAME", params, ...more] sends what the library's own payload maker NAME gives; `more` are further makers
// ([name, params]: laid over the payload, as a quote is) and plain objects (laid over the payload's message).
const { AmoJoScopeClient, AmoJoChannelClient } = require('@mobilon-dev/amotop');

function filled(value, results) {
  if (Array.isArray(value)) return value.map((v) => filled(v, results));
  if (value && typeof value === 'object') {
    if (value.$) return value.$.slice(1).reduce((v, key) => v[key], results[value.$[0]].data);
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, filled(v, results)]));
  }
  return value;
}

function payload(client, name, params, more) {
  const made = client[name](params);
  for (const one of more) {
    if (Array.isArray(one)) Object.assign(made, client[one[0]](one[1]));
    else Object.assign(made.message, one);
  }
  return made;
}

async function step(client, [method, ...given], results) {
  const args = filled(given, results);
  if (method.startsWith('payload:')) {
    return client.sendMessage(payload(client, method.slice(8), args[0], args.slice(1)));
  }
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
      results.push({
        status: error.response?.status ?? null,
        error: String(error.message),
        body: error.response?.data ?? null,
      });
    }
  }
  process.stdout.write(JSON.stringify(results));
}

main();
