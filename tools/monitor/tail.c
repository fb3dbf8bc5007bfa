/* The loop of the monitor: looks for new taps, reads frames, filters and prints their items,
 * and reports frames that were dropped. */

#include "tools/monitor/tail.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/process.h"
#include "proto/bus/socket.h"
#include "proto/bus/tap.h"
#include "proto/messages.h"
#include "tools/common/listening.h"
#include "tools/common/screen.h"
#include "tools/common/text.h"
#include "tools/monitor/edges.h"
#include "tools/monitor/step.h"

#define TAIL_SCAN_MS   1000 /* new processes are found this soon */
#define TAIL_WAIT_MS   100  /* a signal is noticed this soon */
#define TAIL_PROCESSES 256
#define TAIL_LINE_MAX  ((size_t)64 << 20)

/* The number of the last frame of a process: a gap tells of frames that were dropped. */
struct seen {
    char name[64];
    uint64_t number;
};

struct follow {
    const struct tail *tail;
    struct find *find;
    struct tap_reader *reader;
    struct recall *recall;
    struct edges *edges;
    struct stories *stories;
    struct seen *processes; /* owned */
    size_t n_processes;
    const struct tap_message *now; /* the frame under decoding */
    struct buf lines;              /* of the present frame */
    uint64_t n_shown;              /* frames */
    size_t n_taps;                 /* that are listened to */
    bool denied;                   /* a tap is not for this user */
    int error;
};

static int on_tap(void *arg, const char *name, const char *path)
{
    struct follow *w = arg;
    struct buf endpoint;
    int rc = listening_check(path);

    /* left behind by a process that has ended: the next one of that name binds it anew */
    w->denied = w->denied || rc == -EACCES;
    if (rc)
        return rc == -ENOSPC ? rc : FIND_E_LATER;
    w->n_taps++;
    buf_init(&endpoint, 1024);
    rc = buf_add_f(&endpoint, "ipc://%s", path);
    rc = rc ? rc : tap_reader_connect(w->reader, buf_str(&endpoint));
    if (rc == 0 && !w->tail->style.json) {
        buf_reset(&endpoint);
        text_clean(view_of(name), &endpoint);
        (void)fprintf(stderr, "amo-monitor: listening to %s\n",
                      buf_str(&endpoint)); /* courtesy */
    }
    buf_fini(&endpoint);
    return rc;
}

static struct seen *seen_of(struct follow *w, struct view name)
{
    for (size_t i = 0; i < w->n_processes; i++) {
        if (view_is(name, w->processes[i].name))
            return &w->processes[i];
    }
    if (w->n_processes == TAIL_PROCESSES ||
        view_copy(name, w->processes[w->n_processes].name, sizeof(w->processes[0].name)))
        return NULL;
    return &w->processes[w->n_processes++];
}

/* Numbers begin anew with a new life of a process; only upwards is a gap. */
static int look_for_gap(struct follow *w, const struct tap_message *m)
{
    struct seen *s = seen_of(w, m->process);
    uint64_t last = s ? s->number : 0;

    if (s)
        s->number = m->number;
    if (last == 0 || m->number <= last + 1)
        return 0;
    return line_dropped(w->tail->style, m->process, m->number - last - 1, clock_unix_ms(),
                        &w->lines);
}

/* Of what was learnt of the message, and by whom. */
static int put_step(struct follow *w, const struct envelope *env,
                    const struct decode_item *item, const struct recall_about *about)
{
    const struct id *trace = id_is_zero(&item->trace) && about ? &about->trace : &item->trace;
    struct step s;
    int rc = 0;

    step_init(&s, w->tail->style.reveal);
    step_make(&s, edges_name(w->edges, w->now, env), env, item, about,
              stories_find(w->stories, trace));
    rc = step_line(&s, screen_columns(), &w->lines);
    step_fini(&s);
    return rc;
}

static void on_item(void *arg, const struct envelope *env, const struct decode_item *item)
{
    struct follow *w = arg;
    const struct recall_about *about = NULL;

    if (env->kind == MSG_COMMAND_PUSH && item->fields)
        recall_command(w->recall, item->fields);
    if (env->kind == MSG_EVENT_PUSH && item->fields)
        stories_learn(w->stories, &item->trace, item->fields);
    if (env->kind == MSG_RESULT_PUSH && item->fields)
        about = recall_result(w->recall, item->fields);
    if (w->error || (w->tail->sides && !sides_have(w->tail->sides, item, about)) ||
        !filter_passes(&w->tail->filter, env->kind, item, about))
        return;
    w->error = w->tail->steps ? put_step(w, env, item, about)
                              : line_item(w->tail->style, w->now, env, item, about, &w->lines);
    w->n_shown++;
}

static int flush_lines(struct follow *w)
{
    size_t n = w->lines.len;

    if (n == 0)
        return 0;
    if (fwrite(buf_str(&w->lines), 1, n, w->tail->out) != n || fflush(w->tail->out))
        return -EPIPE;
    buf_reset(&w->lines);
    return 0;
}

/* The name of whose tap it is may be learnt from it all the same. */
static bool is_told(struct follow *w, const struct tap_message *m)
{
    struct envelope env = {0};

    if (!w->tail->steps)
        return false;
    if (envelope_decode(m->head, &env) == 0)
        (void)edges_name(w->edges, m, &env);
    return edges_have_told(w->edges, m);
}

static int one_frame(struct follow *w, const struct tap_message *m)
{
    uint64_t shown = w->n_shown;
    int rc = look_for_gap(w, m);

    w->now = m;
    w->error = 0;
    if (rc == 0 && !is_told(w, m))
        rc = decode_frame(m, on_item, w);
    w->now = NULL;
    if (w->n_shown > shown)
        w->n_shown = shown + 1; /* frames are counted, not what is in them */
    rc = rc ? rc : w->error;
    return rc ? rc : flush_lines(w);
}

static bool is_over(const struct follow *w, int64_t began_ms, int64_t now_ms)
{
    const struct tail *t = w->tail;

    return *t->stop || (t->count && w->n_shown >= t->count) ||
           (t->for_ms && now_ms - began_ms >= t->for_ms);
}

static int follow_taps(struct follow *w)
{
    int64_t began_ms = clock_mono_ms();
    int64_t scan_ms = began_ms;
    int64_t now_ms = began_ms;
    int rc = 0;

    while (rc == 0 && !is_over(w, began_ms, now_ms)) {
        struct tap_message m;
        int got = 0;

        if (now_ms >= scan_ms) {
            rc = find_scan(w->find, on_tap, w);
            scan_ms = now_ms + TAIL_SCAN_MS;
        }
        got = rc ? BUS_E_EMPTY : tap_reader_next(w->reader, TAIL_WAIT_MS, &m);
        if (got == 0) {
            rc = one_frame(w, &m);
            tap_message_fini(&m);
        }
        now_ms = clock_mono_ms();
    }
    return rc;
}

static int tell(const struct follow *w, int rc)
{
    const char *directory = find_directory(w->find);

    /* the way to say it is stderr; if that fails there is no other */
    if (rc == -EACCES || rc == -EPERM) {
        (void)fprintf(
            stderr,
            "amo-monitor: not allowed to look into %s: be root or in the group that owns "
            "it\n",
            directory);
        return EXIT_UNREACHABLE;
    }
    if (rc == -EPIPE)
        return EXIT_FAILED; /* whoever read our lines has gone */
    if (rc) {
        /* NOLINTNEXTLINE(concurrency-mt-unsafe): one thread */
        (void)fprintf(stderr, "amo-monitor: %s\n", strerror(rc < 0 ? -rc : EIO));
        return EXIT_FAILED;
    }
    if (w->n_taps > 0)
        return EXIT_FINE;
    if (w->denied)
        (void)fprintf(stderr,
                      "amo-monitor: not allowed to listen in %s: be root or one of "
                      "bus/operators\n",
                      directory);
    else
        (void)fprintf(stderr, "amo-monitor: no process of the bridge listens in %s\n",
                      directory);
    return EXIT_UNREACHABLE;
}

int tail_run(const struct tail *t, struct find *f)
{
    struct follow w = {.tail = t, .find = f};
    int rc = 0;

    buf_init(&w.lines, TAIL_LINE_MAX);
    w.processes = mem_zalloc_array(TAIL_PROCESSES, sizeof(*w.processes));
    rc = w.processes ? recall_new(&w.recall) : -ENOMEM;
    rc = rc ? rc : edges_new(&w.edges);
    rc = rc ? rc : stories_new(&w.stories);
    /* all kinds, whatever is shown: only so the numbers tell what was dropped */
    rc = rc ? rc : tap_reader_new(NULL, &w.reader);
    rc = rc ? rc : follow_taps(&w);
    rc = tell(&w, rc);
    tap_reader_free(w.reader);
    recall_free(w.recall);
    edges_free(w.edges);
    stories_free(w.stories);
    mem_free(w.processes);
    buf_fini(&w.lines);
    return rc;
}
