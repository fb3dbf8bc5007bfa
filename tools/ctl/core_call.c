/* One call to core: check that a process listens, send it over a DEALER, wait for the answer with our
 * boot id. Anything that goes wrong becomes an answer with an explanation. */

#include "tools/ctl/core_call.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "base/clock.h"
#include "base/ids.h"
#include "base/json.h"
#include "base/process.h"
#include "base/secret.h"
#include "proto/bus/loop.h"
#include "proto/bus/socket.h"
#include "proto/control.h"
#include "proto/envelope.h"
#include "proto/limits.h"
#include "proto/messages.h"
#include "tools/common/listening.h"
#include "tools/common/text.h"

#define CORE_CONNECT_MS 5000
#define CORE_PAUSE_MS   50 /* between two looks whether core is there */
#define CORE_NEXT_MAX   4096
#define CORE_LIST_MAX   ((size_t)1 << 30) /* bytes of a list in all its parts */

struct core_call {
    struct loop *loop;
    struct bus_socket *socket;
    struct id boot; /* ours: the answer repeats it */
    bool answered;
    struct core_answer *answer;
};

void core_answer_init(struct core_answer *a)
{
    a->code = EXIT_FAILED;
    buf_init(&a->json, LIMIT_FRAME_BYTES);
    buf_init(&a->error, 4096);
    buf_init(&a->next, CORE_NEXT_MAX);
}

void core_answer_fini(struct core_answer *a)
{
    if (a->json.ptr)
        secret_wipe(a->json.ptr, a->json.len);
    buf_fini(&a->json);
    buf_fini(&a->error);
    buf_fini(&a->next);
}

/* --- is core there? ------------------------------------------------------------------------- */

static bool fail(struct core_answer *a, int code, const char *before, const char *where,
                 const char *after)
{
    a->code = code;
    buf_reset(&a->error);
    (void)buf_add_str(&a->error, before); /* errors stick in the buf */
    text_clean(view_of(where), &a->error);
    (void)buf_add_str(&a->error, after);
    return false;
}

static void fail_unreachable(struct core_answer *a, const char *where, int rc)
{
    if (rc == -EACCES || rc == -EPERM)
        fail(a, EXIT_UNREACHABLE, "not allowed to open ", where,
             ": be root or in the group that owns this socket and its directory");
    else if (rc == -ENOENT)
        fail(a, EXIT_UNREACHABLE, "core cannot be reached: nothing is at ", where,
             " (is amo-core running, with the same run_dir?)");
    else
        fail(a, EXIT_UNREACHABLE, "core cannot be reached: no process listens at ", where,
             " (is amo-core running?)");
}

/* True when core listens at @endpoint; else the reason is in @a. */
static bool wait_for_core(const char *endpoint, struct core_answer *a)
{
    int64_t until_ms = clock_mono_ms() + CORE_CONNECT_MS;
    const char *path = endpoint + strlen("ipc://");
    int rc = 0;

    if (strncmp(endpoint, "ipc://", strlen("ipc://")) != 0)
        return fail(a, EXIT_USAGE, "bus/control ", endpoint,
                    " cannot be used: only ipc:// endpoints are spoken yet");
    for (;;) {
        rc = listening_check(path);
        if (rc == 0)
            return true;
        if (rc == -ENOSPC)
            return fail(a, EXIT_USAGE, "bus/control ", endpoint,
                        " is longer than a socket's path may be");
        if (rc == -EACCES || rc == -EPERM || clock_mono_ms() >= until_ms)
            break;
        (void)poll(NULL, 0, CORE_PAUSE_MS); /* a pause; one cut short only looks again sooner */
    }
    fail_unreachable(a, path, rc);
    return false;
}

/* --- the question --------------------------------------------------------------------------- */

static void take_answer(struct core_call *c, struct view body)
{
    struct core_answer *a = c->answer;
    struct control_answer answer;

    if (control_answer_decode(body, &answer)) {
        (void)fail(a, EXIT_FAILED, "core's answer cannot be read (another version?)", "", "");
        return;
    }
    a->code = answer.code <= EXIT_TEMPORARY ? (int)answer.code : EXIT_FAILED;
    if (answer.json.ptr)
        (void)buf_add_view(&a->json,
                           answer.json); /* errors stick and are asked for at the end */
    if (answer.next.len)                 /* what is said beside is for those who do not go on */
        (void)buf_add_view(&a->next, answer.next);
    else if (answer.error.ptr)
        text_clean(answer.error, &a->error);
}

static void on_message(struct core_call *c, const struct bus_message *m)
{
    struct envelope env = {0};
    int rc = envelope_decode(m->head, &env);

    if (rc == ENVELOPE_E_MALFORMED || !id_equal(&env.edge_boot, &c->boot))
        return; /* not for us */
    if (env.kind == MSG_CONTROL_ANSWER && rc == 0)
        take_answer(c, m->body);
    else if (env.kind == MSG_REFUSED || rc == ENVELOPE_E_VERSION)
        fail(c->answer, EXIT_FAILED, "core does not understand this amoctl (another version?)",
             "", "");
    else
        return;
    c->answered = true;
    loop_stop(c->loop);
}

static void on_readable(void *arg)
{
    struct core_call *c = arg;
    struct bus_message m;
    int rc = 0;

    while (!c->answered && (rc = bus_recv(c->socket, &m)) != BUS_E_EMPTY) {
        if (rc == BUS_E_MALFORMED)
            continue;
        if (rc)
            return; /* the deadline tells */
        on_message(c, &m);
        bus_message_fini(&m);
    }
}

static void on_deadline(void *arg)
{
    const struct core_call *c = arg;

    loop_stop(c->loop);
}

static int call_send(struct core_call *c, struct view verb, struct view args)
{
    struct envelope env = {.version = ENVELOPE_VERSION,
                           .kind = MSG_CONTROL_CALL,
                           .edge_boot = c->boot,
                           .unix_ms = clock_unix_ms()};
    struct control_call call = {.verb = verb, .args = args};
    char head[ENVELOPE_MAX_LEN];
    size_t head_len = 0;
    struct buf body;
    int rc = 0;

    buf_init(&body, LIMIT_FRAME_BYTES);
    envelope_encode(&env, head, &head_len);
    rc = control_call_encode(&call, &body);
    rc = rc ? rc : bus_send(c->socket, VIEW_NONE, view_make(head, head_len), buf_view(&body));
    if (body.ptr)
        secret_wipe(body.ptr, body.len); /* it may carry a secret */
    buf_fini(&body);
    return rc;
}

void core_call(const char *endpoint, struct view verb, struct view args, int wait_ms,
               struct core_answer *ret)
{
    struct core_call c = {.answer = ret};
    int timer = 0;
    int rc = 0;

    if (!wait_for_core(endpoint, ret))
        return;
    rc = loop_new(&c.loop);
    rc = rc ? rc : id_random(&c.boot);
    rc = rc ? rc : bus_dealer_connect(endpoint, NULL, &c.socket);
    rc = rc ? rc : bus_socket_watch(c.socket, c.loop, on_readable, &c);
    rc = rc ? rc : loop_add_timer(c.loop, wait_ms, false, on_deadline, &c, &timer);
    rc = rc ? rc : call_send(&c, verb, args);
    rc = rc ? rc : loop_run(c.loop);
    if (rc)
        /* NOLINTNEXTLINE(concurrency-mt-unsafe): one thread */
        fail(ret, EXIT_FAILED, "cannot ask: ", strerror(rc < 0 ? -rc : EAGAIN), "");
    else if (!c.answered)
        fail(ret, EXIT_UNREACHABLE, "core is at ", endpoint + strlen("ipc://"),
             " but gave no answer in time; look before asking again, it may have done it");
    if (buf_error(&ret->json))
        fail(ret, EXIT_FAILED, "no memory for core's answer", "", "");
    if (c.socket)
        bus_socket_unwatch(c.socket, c.loop);
    bus_socket_free(c.socket);
    loop_free(c.loop);
}

struct json *core_ask(const char *endpoint, struct view verb, struct view args, int wait_ms,
                      struct core_answer *ret)
{
    struct json *doc = NULL;

    core_call(endpoint, verb, args, wait_ms, ret);
    if (ret->code == EXIT_FINE && json_parse(buf_view(&ret->json), &doc))
        fail(ret, EXIT_FAILED, "core's answer cannot be read (another version?)", "", "");
    return doc;
}

/* @args, an object, with the place where the list goes on. */
static int add_place(struct view args, struct view next, struct buf *out)
{
    struct json_writer w;

    json_writer_init(&w, out);
    (void)buf_add(out, args.ptr, args.len - 1); /* errors stick in the buf */
    w.comma = args.len > 2;
    json_add_text(&w, "page", next);
    return buf_add_char(out, '}');
}

/* Appends a list to another one. */
static int add_list(struct buf *list, struct view more)
{
    if (list->len < 2 || more.len < 2 || more.ptr[0] != '[')
        return -EPROTO;
    if (more.len == 2)
        return 0; /* empty */
    list->len--;
    if (list->len > 1)
        (void)buf_add_char(list, ','); /* errors stick in the buf */
    return buf_add(list, more.ptr + 1, more.len - 1);
}

void core_call_all(const char *endpoint, struct view verb, struct view args, int wait_ms,
                   struct core_answer *ret)
{
    struct buf list;

    buf_init(&list, CORE_LIST_MAX);
    core_call(endpoint, verb, args, wait_ms, ret);
    if (ret->next.len && buf_add_view(&list, buf_view(&ret->json)))
        fail(ret, EXIT_FAILED, "no memory for core's answer", "", "");
    while (ret->code == EXIT_FINE && ret->next.len) {
        struct buf question;
        int rc = 0;

        buf_init(&question, LIMIT_CONTROL_BYTES);
        rc = add_place(args, buf_view(&ret->next), &question);
        core_answer_fini(ret);
        core_answer_init(ret);
        if (rc == 0)
            core_call(endpoint, verb, buf_view(&question), wait_ms, ret);
        if (rc == 0 && ret->code == EXIT_FINE)
            rc = add_list(&list, buf_view(&ret->json));
        if (rc)
            fail(ret, EXIT_FAILED, "core's answer cannot be read (another version?)", "", "");
        buf_fini(&question);
    }
    if (list.len) { /* of a part that could not be had nothing is shown */
        buf_fini(&ret->json);
        buf_init(&ret->json, CORE_LIST_MAX);
        if (ret->code == EXIT_FINE) {
            ret->json = list;
            return;
        }
    }
    buf_fini(&list);
}
