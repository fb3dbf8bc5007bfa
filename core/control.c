/* From: amoctl (CONTROL_CALL). To: the verbs; CONTROL_ANSWER after the commit.
 * Holds: calls whose answer waits for a remote side or for the edges to know the registry. */

#include "core/control.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/process.h"
#include "core/erase.h"
#include "core/inquiry.h"
#include "core/peers.h"
#include "proto/bus/socket.h"
#include "proto/control.h"
#include "proto/limits.h"

#define CONTROL_BATCH    16
#define CONTROL_WAIT_MS  20000
#define CONTROL_WAITS    64
#define CONTROL_GRACE_MS 5000

static const struct {
    const char *name;
    control_verb_fn *fn;
} verbs[] = {
    {"status",              verb_status             },
    {"channel.add",         verb_channel_add        },
    {"channel.list",        verb_channel_list       },
    {"channel.show",        verb_channel_show       },
    {"channel.secret",      verb_channel_secret     },
    {"channel.remove",      verb_channel_remove     },
    {"connector.add",       verb_connector_add      },
    {"connector.list",      verb_connector_list     },
    {"connector.show",      verb_connector_show     },
    {"connector.test",      verb_connector_test     },
    {"connector.rotate",    verb_connector_rotate   },
    {"connector.remove",    verb_connector_remove   },
    {"account.connect",     verb_account_connect    },
    {"account.disconnect",  verb_account_disconnect },
    {"account.list",        verb_account_list       },
    {"account.pause",       verb_account_pause      },
    {"account.resume",      verb_account_resume     },
    {"source.add",          verb_source_add         },
    {"source.list",         verb_source_list        },
    {"source.remove",       verb_source_remove      },
    {"source.default",      verb_source_default     },
    {"conversation.list",   verb_conversation_list  },
    {"clock.show",          verb_clock_show         },
    {"clock.agree",         verb_clock_agree        },
    {"queue",               verb_queue              },
    {"queue.drop",          verb_queue_drop         },
    {"dead.list",           verb_dead_list          },
    {"dead.show",           verb_dead_show          },
    {"dead.retry",          verb_dead_retry         },
    {"dead.drop",           verb_dead_drop          },
    {"quarantine.list",     verb_quarantine_list    },
    {"quarantine.show",     verb_quarantine_show    },
    {"quarantine.replay",   verb_quarantine_replay  },
    {"quarantine.drop",     verb_quarantine_drop    },
    {"trace",               verb_trace              },
    {"doctor",              verb_doctor             },
    {"doctor.check",        verb_doctor_check       },
    {"probe.call",          verb_probe_call         },
    {"erase",               verb_erase              },
    {"conversation.show",   verb_conversation_show  },
    {"conversation.import", verb_conversation_import},
};

struct control_wait {
    struct list link;
    struct core *core;
    struct peer caller; /* route and boot only */
    int64_t until_mono_ms;
    uint64_t version; /* registry that must be held; 0: not there yet */
    struct buf json;
    void *arg;
    void (*fini)(void *arg);
};

static void control_call(struct core *c, const struct bus_message *m);
static void control_answer(struct core *c, const struct peer *caller, int code,
                           struct view json, const char *error);

void control_readable(void *arg)
{
    struct core *c = arg;

    for (int i = 0; i < CONTROL_BATCH && !c->exit_code; i++) {
        struct bus_message m;
        int rc = bus_recv(c->control, &m);

        if (rc == BUS_E_MALFORMED)
            continue;
        if (rc)
            return;
        control_call(c, &m);
        bus_message_fini(&m);
    }
}

static control_verb_fn *verb_find(struct view name)
{
    for (size_t i = 0; i < AMO_COUNT(verbs); i++) {
        if (view_is(name, verbs[i].name))
            return verbs[i].fn;
    }
    return NULL;
}

/* Runs the verb inside the turn and under a savepoint, so that one that fails halfway leaves
 * nothing behind. */
static int verb_run(struct core *c, control_verb_fn *fn, struct control_ask *ask)
{
    uint64_t version = c->registry->version;
    int rc = core_turn(c);

    rc = rc ? rc : store_savepoint(c->store);
    if (rc)
        return rc;
    rc = fn(ask);
    if (rc == EXIT_FINE || rc == CONTROL_LATER)
        return store_release(c->store) ? -EIO : rc;
    if (rc < 0 && core_is_trouble(rc))
        return rc;
    if (store_rollback_to(c->store))
        return -EIO;
    /* the registry in memory goes back with the one in the store */
    if (c->registry->version != version && core_registry_reload(c))
        return -EIO;
    return rc;
}

static void control_verb(struct core *c, const struct peer *caller,
                         const struct control_call *call)
{
    control_verb_fn *fn = verb_find(call->verb);
    struct json_writer w;
    struct buf json;
    struct buf error;
    struct control_ask ask = {.core = c, .w = &w, .error = &error};
    int rc = 0;

    buf_init(&json, LIMIT_CONTROL_BYTES);
    buf_init(&error, 4096);
    json_writer_init(&w, &json);
    if (!fn)
        rc = control_fail(&ask, EXIT_USAGE, "core does not know this verb (older version?)");
    else if (json_parse(call->args.ptr ? call->args : VIEW_LIT("{}"), &ask.args) ||
             !json_is_object(json_root(ask.args)))
        rc = control_fail(&ask, EXIT_USAGE, "the arguments are not a JSON object");
    else
        rc = verb_run(c, fn, &ask);
    c->hand = (struct hand){.verb = true};
    if (rc < 0 && core_is_trouble(rc)) {
        core_give_up(c, "control", rc);
    } else if (rc < 0) {
        control_answer(c, caller, EXIT_FAILED, VIEW_NONE,
                       "core could not do this; see its log");
        log_failed(LOG_LEVEL_ERROR, "control.failed", store_errno(rc), "sqlite=\"%s\"",
                   store_error(c->store, rc));
    } else if (rc == CONTROL_LATER) {
        ask.wait->caller = *caller;
        /* the document so far is the answer's; the writer's buffer is handed over */
        ask.wait->json = json;
        buf_init(&json, LIMIT_CONTROL_BYTES);
    } else if (buf_error(&json)) {
        control_answer(c, caller, EXIT_FAILED, VIEW_NONE, "the answer is larger than allowed");
    } else {
        /* half a document of what was undone would only mislead */
        control_answer(c, caller, rc, rc == EXIT_FINE && json.len ? buf_view(&json) : VIEW_NONE,
                       error.len ? buf_str(&error) : NULL);
    }
    c->hand = (struct hand){0};
    json_free(ask.args);
    buf_fini(&json);
    buf_fini(&error);
}

static void control_call(struct core *c, const struct bus_message *m)
{
    struct peer caller = {.socket = c->control};
    struct envelope env = {0};
    struct control_call call;
    int rc = envelope_decode(m->head, &env);

    if (rc == ENVELOPE_E_MALFORMED || m->peer.len > sizeof(caller.route))
        return; /* nobody of ours speaks like that */
    memcpy(caller.route, m->peer.ptr, m->peer.len);
    caller.route_len = m->peer.len;
    caller.boot = env.edge_boot;
    if (rc || env.kind != MSG_CONTROL_CALL) {
        /* no memory: as below */
        (void)!core_post(c, &caller, MSG_REFUSED, NULL,
                         rc ? VIEW_LIT("version not spoken here") : VIEW_LIT("unknown kind"));
        return;
    }
    if (control_call_decode(m->body, &call))
        control_answer(c, &caller, EXIT_USAGE, VIEW_NONE, "malformed call");
    else
        control_verb(c, &caller, &call);
}

static void control_answer(struct core *c, const struct peer *caller, int code,
                           struct view json, const char *error)
{
    struct control_answer a = {.code = (uint64_t)code, .json = json, .error = view_of(error)};
    struct buf body;

    buf_init(&body, LIMIT_FRAME_BYTES);
    /* no memory: amoctl says that nobody answered */
    if (control_answer_encode(&a, &body) == 0)
        (void)!core_post(c, caller, MSG_CONTROL_ANSWER, NULL, buf_view(&body));
    buf_fini(&body);
}

/* --- for verbs ------------------------------------------------------------------------------ */

struct view control_arg(struct control_ask *ask, const char *key)
{
    struct view v = VIEW_NONE;

    if (json_text(ask->args, json_get(json_root(ask->args), key), &v))
        return VIEW_LIT("");
    return v.ptr ? v : VIEW_LIT("");
}

int control_need(struct control_ask *ask, const char *key, struct view *ret)
{
    struct view v = control_arg(ask, key);

    if (v.len == 0)
        return control_fail(ask, EXIT_USAGE, "%s is missing", key);
    if (v.len > LIMIT_ID)
        return control_fail(ask, EXIT_USAGE, "%s is longer than %u bytes", key, LIMIT_ID);
    *ret = v;
    return 0;
}

int control_fail(struct control_ask *ask, int code, const char *fmt, ...)
{
    char text[1024];
    va_list args;

    va_start(args, fmt);
    /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): va_start stands above */
    (void)vsnprintf(text, sizeof(text), fmt, args); /* a longer sentence is cut */
    va_end(args);
    buf_reset(ask->error);
    (void)buf_add_str(ask->error, text); /* fits */
    return code;
}

int control_copy(struct view v, char **ret)
{
    *ret = mem_strndup(v.ptr ? v.ptr : "", v.len);
    return *ret ? 0 : -ENOMEM;
}

/* ":1" to ":65535", or nothing. */
static bool port_is_fine(const char *at, const char *end)
{
    uint64_t n = 0;

    return at == end ||
           (*at == ':' &&
            num_parse_range(view_make(at + 1, (size_t)(end - at - 1)), 1, 65535, &n) == 0);
}

/* "host", "host:port", "[v6]:port"; not their syntax in full: curl has the last word. */
static bool host_is_fine(struct view host)
{
    const char *end = host.ptr + host.len;
    const char *stop = NULL;

    if (host.len == 0)
        return false;
    if (host.ptr[0] == '[') {
        stop = memchr(host.ptr, ']', host.len);
        return stop && stop > host.ptr + 1 && port_is_fine(stop + 1, end);
    }
    stop = memchr(host.ptr, ':', host.len);
    return stop != host.ptr && port_is_fine(stop ? stop : end, end);
}

bool control_url_is_fine(struct view url)
{
    size_t at = view_starts(url, "https://") ? 8 : view_starts(url, "http://") ? 7 : 0;
    size_t end = at;

    for (size_t i = 0; i < url.len; i++) {
        if (url.ptr[i] <= ' ' || url.ptr[i] > '~' || strchr("@#\\", url.ptr[i]))
            return false;
    }
    while (end < url.len && url.ptr[end] != '/' && url.ptr[end] != '?')
        end++;
    return at && host_is_fine(view_make(url.ptr + at, end - at)) && url.len < LIMIT_URL;
}

/* Towards it, or of an account of its. */
static bool is_of_connector(const struct registry *r, const struct lane *l,
                            const char *connector)
{
    const struct reg_scope *s = NULL;

    if (!l->dest->is_scope)
        return strcmp(l->dest->key + strlen("connector:"), connector) == 0;
    s = registry_scope(r, view_of(l->dest->key + strlen("scope:")));
    return s && strcmp(s->connector, connector) == 0;
}

int control_refuse_waiting(struct control_ask *ask, const char *channel, const char *connector)
{
    const struct core_command *cmd = NULL;
    size_t iter = 0;
    size_t n = 0;

    while ((cmd = table_next(ask->core->queue->commands, &iter))) {
        const struct lane *l = cmd->lane;

        if (channel && l->scope)
            n += view_is(registry_scope_channel(view_of(l->scope->key + strlen("scope:"))),
                         channel);
        else if (connector)
            n += is_of_connector(ask->core->registry, l, connector);
    }
    if (n == 0)
        return 0;
    if (connector)
        return control_fail(
            ask, EXIT_FAILED,
            "%zu commands still wait for it: see amoctl queue; amoctl queue drop"
            " --connector %s gives them up",
            n, connector);
    return control_fail(ask, EXIT_FAILED,
                        "%zu commands still wait for accounts of it: see amoctl queue; amoctl"
                        " queue drop --scope SCOPE gives up what waits for one",
                        n);
}

/* --- waits ---------------------------------------------------------------------------------- */

struct control_wait *control_wait_new(struct core *c, void *arg, void (*fini)(void *arg))
{
    struct control_wait *w = NULL;
    size_t n = 0;

    for (struct list *i = c->control_waits.next; i != &c->control_waits; i = i->next)
        n++;
    w = n < CONTROL_WAITS ? mem_zalloc(sizeof(*w)) : NULL;
    if (!w)
        return NULL;
    w->core = c;
    w->until_mono_ms = clock_mono_ms() + CONTROL_WAIT_MS;
    /* the question it waits for ends first, and still knows @arg then */
    if (arg)
        w->until_mono_ms += CONTROL_GRACE_MS;
    w->arg = arg;
    w->fini = fini;
    buf_init(&w->json, LIMIT_CONTROL_BYTES);
    list_init(&w->link);
    list_add_tail(&c->control_waits, &w->link);
    return w;
}

void *control_wait_arg(struct control_wait *w)
{
    return w->arg;
}

static void control_wait_end(struct control_wait *w)
{
    list_remove(&w->link);
    if (w->fini)
        w->fini(w->arg);
    buf_fini(&w->json);
    mem_free(w);
}

int control_asked(struct control_ask *ask, struct control_wait *w, int rc)
{
    if (rc == 0) {
        ask->wait = w;
        return CONTROL_LATER;
    }
    ask->wait = NULL;
    control_wait_drop(w);
    return rc == -EBUSY ? control_fail(ask, EXIT_FAILED, CONTROL_TOO_MANY) : rc;
}

void control_wait_drop(struct control_wait *w)
{
    control_wait_end(w);
}

int control_wait_registry(struct control_ask *ask)
{
    struct control_wait *w = control_wait_new(ask->core, NULL, NULL);

    if (!w)
        return control_fail(ask, EXIT_FAILED, CONTROL_TOO_MANY);
    w->version = ask->core->registry->version;
    ask->wait = w;
    return CONTROL_LATER;
}

void control_wait_done(struct control_wait *w, int code, struct view json, const char *error)
{
    if (code == EXIT_FINE) {
        buf_reset(&w->json);
        (void)buf_add_view(&w->json, json); /* shorter than its limit */
        w->version = w->core->registry->version;
        return; /* control_tick answers when the edges know */
    }
    control_wait_tell(w, code, json, error);
}

void control_wait_tell(struct control_wait *w, int code, struct view json, const char *error)
{
    control_answer(w->core, &w->caller, code, json, error);
    control_wait_end(w);
}

void control_tick(struct core *c, int64_t now_mono_ms)
{
    struct list *next = NULL;

    inquiry_tick(c, now_mono_ms); /* a question never outlives the call it was asked for */
    erase_tick(c, now_mono_ms);   /* nor does an erasure */
    for (struct list *i = c->control_waits.next; i != &c->control_waits; i = next) {
        struct control_wait *w = LIST_ENTRY(i, struct control_wait, link);

        next = i->next;
        if (w->version && peers_hold_registry(c, w->version, now_mono_ms)) {
            control_answer(c, &w->caller, EXIT_FINE, buf_view(&w->json), NULL);
            control_wait_end(w);
        } else if (now_mono_ms >= w->until_mono_ms) {
            /* what was made (a secret shown once, perhaps) must not be lost with the warning */
            control_answer(c, &w->caller, EXIT_FAILED,
                           w->json.len ? buf_view(&w->json) : VIEW_NONE,
                           w->version ? "stored, but not every ingress knows it yet"
                                      : "no answer within 20 seconds");
            control_wait_end(w);
        }
    }
}

void control_free(struct core *c)
{
    while (c->control_waits.next && !list_is_empty(&c->control_waits))
        control_wait_end(LIST_ENTRY(c->control_waits.next, struct control_wait, link));
}
