"""What must be true of a run: nothing accepted is lost, nothing has two effects, no lane is overtaken.

Pure: it compares what people wrote with what the sandbox saw. It knows nothing of the bridge.
"""
from collections import defaultdict


def check(inbound, outbound, amo_messages, service_messages):
    """Problems as a list of (kind, words); kind is lost, double, overtaken or stranger.

    inbound:  [(lane, text)] in the order written, all of them accepted by the bridge
    outbound: [(lane, text, accepted)] in the order written; accepted = answered 200
    amo_messages, service_messages: the sandbox's lists, with `seq` in order of arrival
    """
    problems = []
    problems += _direction("inbound", [(lane, text, True) for lane, text in inbound], amo_messages,
                           lane_key="conversation", effects="effects")
    problems += _direction("outbound", outbound, service_messages, lane_key="conversation",
                           effects="webhook_ids")
    return problems


def _direction(name, written, arrived, lane_key, effects):
    problems = []
    by_text = defaultdict(list)
    for item in sorted(arrived, key=lambda m: m["seq"]):
        by_text[item["text"]].append(item)
    known = {text for _, text, _ in written}
    for text, items in by_text.items():
        if text not in known:
            problems.append(("stranger", f"{name}: {text!r} was never written"))
        elif len(items) > 1:
            problems.append(("double", f"{name}: {text!r} arrived as {len(items)} messages"))
        elif items[0][effects] != 1:
            problems.append(("double", f"{name}: {text!r} had {items[0][effects]} effects"))
    lanes = defaultdict(list)
    for lane, text, accepted in written:
        if text in by_text:
            lanes[lane].append((by_text[text][0]["seq"], text))
        elif accepted:
            problems.append(("lost", f"{name}: {text!r} of lane {lane} was accepted and never arrived"))
    for lane, order in lanes.items():
        for (before, first), (after, second) in zip(order, order[1:]):
            if after < before:
                problems.append(("overtaken", f"{name}: in lane {lane} {second!r} came before {first!r}"))
    return problems
