/* What: a call on its way through the faults: waits, has its effect, waits, is answered or cut.
 * From: amojo/api, service/api, once the signature is right.
 * To:   the side's own process(), then http/request.
 * Holds: the call, attached to its request. */
#include "tools/sandbox/record/gate.h"

#include <stdio.h>

#include "base/buf.h"
#include "base/mem.h"
#include "tools/sandbox/http/request.h"
#include "tools/sandbox/kit/blob.h"
#include "tools/sandbox/kit/jread.h"
#include "tools/sandbox/record/faults.h"
#include "tools/sandbox/record/settings.h"
#include "tools/sandbox/record/world.h"

/* One call on its way through; attached to its request. */
struct gate {
    struct sandbox *sandbox;
    struct gate_call call;
    uint64_t entry; /* journal number, 0 = none */
    struct fault_play play;
    struct reply reply;
    unsigned holds; /* looks at what is waited for */
};

enum {
    HOLD_EVERY_MS = 5,
    HOLD_LOOKS_MAX = 10000
};

static void gate_process(void *arg, struct request *x);
static void gate_hold(void *arg, struct request *x);
static void gate_finish(void *arg, struct request *x);

static void gate_free(void *own)
{
    struct gate *g = own;

    json_object_put(g->call.body);
    json_object_put(g->reply.json);
    fault_play_fini(&g->play);
    mem_free(g);
}

/* The number of the call's entry, 0 when nothing is listed. *ret_full: the journal may not grow. */
static uint64_t gate_journal(struct sandbox *s, struct request *x, const struct gate_call *call,
                             bool *ret_full)
{
    struct view raw = request_body(x);
    struct json_object *o = NULL;
    char target[1024];

    if (s->settings.journal == JOURNAL_OFF)
        return 0;
    *ret_full = !sandbox_has_space(s, s->journal.entries.n, (size_t)s->settings.max_journal,
                                   "max_journal");
    if (*ret_full)
        return 0;
    (void)snprintf(target, sizeof(target), "%s%s%s", request_path(x),
                   *request_query(x) ? "?" : "", request_query(x)); /* may be cut */
    o = sandbox_entry(s);
    jread_add_str(o, "side", call->side);
    jread_add_str(o, "kind", call->kind);
    jread_add_str(o, "method", request_method(x));
    jread_add_str(o, "path", target);
    jread_add_bool(o, "verified", !call->wrong);
    jread_add_str_or_null(o, "reason", call->wrong);
    jread_add_int(o, "status", 0);
    jread_add_str_or_null(o, "fault", NULL);
    jread_add_str_or_null(o, "key", call->key);
    jread_add_str_or_null(o, call->side[0] == 'a' ? "scope_id" : "connector", call->where);
    jread_add_str_or_null(o, "user_agent", request_header(x, "User-Agent"));
    if (s->settings.journal == JOURNAL_FULL)
        json_object_object_add(o, "body", jread_bytes(raw));
    return journal_add(&s->journal, o) ? 0 : s->seq;
}

/* Write down why a call was refused, if it was. */
static void gate_reason(struct json_object *entry, const struct reply *reply)
{
    if (reply->reason[0])
        jread_add_str(entry, "reason", reply->reason);
}

/* Answer, journal included; frees what @reply holds. */
static void gate_answer(struct sandbox *s, struct request *x, uint64_t entry,
                        struct reply *reply)
{
    struct json_object *e = journal_get(&s->journal, entry);
    struct view body = VIEW_LIT("");

    if (e) {
        jread_add_int(e, "status", reply->status);
        gate_reason(e, reply);
    }
    if (reply->json)
        body = view_of(jread_text(reply->json));
    request_answer(x, reply->status, reply->json ? "application/json" : NULL, body);
    json_object_put(reply->json);
    reply->json = NULL;
}

static void gate_pass(struct gate *g, struct request *x)
{
    struct sandbox *s = g->sandbox;
    struct json_object *e = journal_get(&s->journal, g->entry);

    faults_take(&s->faults, g->call.side, g->call.kind, request_path(x), request_body(x),
                &g->play);
    if (g->play.number) {
        s->counters.faults++;
        if (e)
            jread_add_uint(e, "fault", g->play.number);
    }
    if (g->play.delay_before_ms > 0)
        request_later(x, g->play.delay_before_ms, gate_process, g);
    else
        gate_process(g, x);
}

void gate_take(struct sandbox *s, struct request *x, const struct gate_call *call)
{
    bool full = false;
    uint64_t entry = gate_journal(s, x, call, &full);
    struct gate *g = full || call->wrong ? NULL : mem_zalloc(sizeof(*g));
    struct reply r = {.status = 500}; /* no memory */

    if (g) {
        *g = (struct gate){.sandbox = s, .call = *call, .entry = entry};
        request_attach(x, g, gate_free);
        gate_pass(g, x);
        return;
    }
    if (full) {
        call->error(&r, 507, "sandbox_full: max_journal");
    } else if (call->wrong) {
        call->error(&r, call->wrong_status, call->wrong);
        *call->if_wrong += 1;
    }
    json_object_put(call->body);
    gate_answer(s, x, entry, &r);
}

static void gate_process(void *arg, struct request *x)
{
    struct gate *g = arg;
    const struct fault_play *p = &g->play;
    bool skip = p->cut == FAULT_CUT_BEFORE || (p->status && !p->process);

    if (!skip)
        g->call.process(g->sandbox, x, g->call.body, &g->reply);
    gate_hold(g, x);
}

/* The answer stays here while what it waits for is under way. */
static void gate_hold(void *arg, struct request *x)
{
    struct gate *g = arg;
    const struct reply *r = &g->reply;
    bool waits = r->hold && r->hold(g->sandbox, r->hold_number);

    if (waits && g->holds++ < HOLD_LOOKS_MAX)
        request_later(x, HOLD_EVERY_MS, gate_hold, g);
    else if (g->play.delay_ms > 0)
        request_later(x, g->play.delay_ms, gate_finish, g);
    else
        gate_finish(g, x);
}

static void gate_finish(void *arg, struct request *x)
{
    struct gate *g = arg;
    const struct fault_play *p = &g->play;
    struct json_object *e = journal_get(&g->sandbox->journal, g->entry);

    if (p->cut != FAULT_CUT_NOT) {
        if (e)
            gate_reason(e, &g->reply);
        request_cut(x);
        return;
    }
    if (p->retry_after[0])
        request_retry_after(x, p->retry_after);
    if (!p->status) {
        gate_answer(g->sandbox, x, g->entry, &g->reply);
        return;
    }
    if (e)
        jread_add_int(e, "status", p->status);
    if (p->body) {
        request_answer(x, p->status, "application/json", blob_view(p->body));
        return;
    }
    json_object_put(g->reply.json);
    g->reply = (struct reply){0};
    g->call.error(&g->reply, p->status, "fault");
    gate_answer(g->sandbox, x, g->entry, &g->reply);
}
