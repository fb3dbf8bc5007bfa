"""One service with several accounts: clients of one of them, while others take nothing. Shared by the test and the bench."""
import time
import uuid

from beside import now_ms
from stack import wait_for


def another_account(stack, source):
    """Of the same channel and service as the first one, with a source of its own; its scope id."""
    account = stack.sandbox("scopes", {"channel_id": stack.channel, "account_id": str(uuid.uuid4())})["scope_id"]
    scope = stack.control("account.connect", channel=stack.channel, connector="svc", title="Another",
                          account=account.partition("_")[2])["scope_id"]
    stack.control("source.add", connector="svc", source=source, scope_id=scope)
    return scope


def message(source, ident, text, client="79005550171"):
    return {"id": ident, "source": source, "conversation": {"id": client}, "sender": {"id": client}, "type": "text", "text": text}


def over(stack):
    """For which accounts their connector is over which share."""
    return [(s["scope_id"], s["share"]) for s in stack.control("connector.show", name="svc")["account_shares"] if s["over_since"]]


class Quiet:
    """A client of @scope, by @source."""

    def __init__(self, stack, scope, source):
        self.stack, self.scope, self.source, self.n, self.sent = stack, scope, source, 0, {}

    def write(self, count=30):
        """So many messages, one each 50 ms; how late each was, in milliseconds."""
        texts = [f"quiet-{n}" for n in range(self.n, self.n + count)]
        self.n += count
        for text in texts:
            self.sent[text] = now_ms()
            answer = self.stack.call("POST", "messages", message(self.source, text, text))
            assert answer[0] == 202, answer
            time.sleep(0.05)
        came = {}

        def all_came():
            came.update((m["text"], m["at_ms"]) for m in self.stack.list(f"amojo/messages?scope={self.scope}"))
            return all(t in came for t in texts)

        wait_for(all_came, "all of them to come")
        return sorted(came[t] - self.sent[t] for t in texts)
