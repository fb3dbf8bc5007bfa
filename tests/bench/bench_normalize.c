/* How many amojo webhooks one core normalizes in a second.
 *
 *     bench_normalize FOLDER [SECONDS]
 *
 * FOLDER holds webhook bodies (tests/fixtures/webhooks); those that are no acceptable webhook are
 * left out. They are taken in turn, each normalized and encoded as for the spool, for SECONDS of
 * CPU time; beside it, in the same rounds, the same bodies go through a bare json-c parse and
 * free, so that the ratio means something on a noisy machine too. */

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define json_bool json_c_bool /* a type of json-c, a function of ours */
#include <json-c/json_tokener.h>
#undef json_bool

#include "base/buf.h"
#include "base/clock.h"
#include "base/secret.h"
#include "ingress/amojo/normalize.h"
#include "proto/event.h"

#define SCOPE      "0b024cf5-011a-41f4-b10c-62b7e5052de5_831f0943-4783-43d0-835e-d2d8d2553844"
#define BODIES_MAX 256U
#define ROUNDS     50 /* over all bodies, between two looks at the clock */

struct bench {
    struct secret bodies[BODIES_MAX]; /* owned; secret only because that is what reads files */
    size_t n;
    size_t bytes;
    struct buf event;
    struct json_tokener *tokener;
};

static double cpu_seconds(void)
{
    struct timespec t = {0};

    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t); /* cannot fail */
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* 0 when it is an acceptable webhook and was encoded. */
static int normalize(struct bench *b, struct view body)
{
    struct amo_normal n;
    int rc = amo_normalize(body, VIEW_LIT(SCOPE), clock_unix_ms(), &n);

    if (rc)
        return rc;
    if (n.verdict == AMO_ACCEPT) {
        buf_reset(&b->event);
        rc = event_encode(&n.event, &b->event);
    } else {
        rc = 1;
    }
    amo_normal_fini(&n);
    return rc;
}

static int parse(struct bench *b, struct view body)
{
    struct json_object *root = NULL;

    json_tokener_reset(b->tokener);
    root = json_tokener_parse_ex(b->tokener, body.ptr, (int)body.len);
    return json_object_put(root) == 1 ? 0 : 1;
}

static int load(struct bench *b, const char *folder)
{
    DIR *d = opendir(folder);
    const struct dirent *f = NULL;
    char path[4096];

    if (!d) {
        perror(folder);
        return 1;
    }
    while (b->n < BODIES_MAX &&
           (f = readdir(d))) { /* NOLINT(concurrency-mt-unsafe): one thread */
        struct secret *body = &b->bodies[b->n];
        int len = snprintf(path, sizeof(path), "%s/%s", folder, f->d_name);

        if (f->d_name[0] == '.' || len < 0 || (size_t)len >= sizeof(path) ||
            secret_read_file(body, path, 4 << 20))
            continue;
        if (normalize(b, secret_view(body))) {
            secret_fini(body);
            continue;
        }
        b->bytes += secret_view(body).len;
        b->n++;
    }
    (void)closedir(d); /* only read */
    return b->n ? 0 : 1;
}

typedef int work_fn(struct bench *b, struct view body);

/* ROUNDS rounds; adds to the CPU seconds spent. */
static int run(struct bench *b, work_fn *work, double *seconds)
{
    double from = cpu_seconds();
    int failed = 0;

    for (int round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < b->n; i++)
            failed |= work(b, secret_view(&b->bodies[i]));
    }
    *seconds += cpu_seconds() - from;
    return failed;
}

static void show(const char *what, double n, double seconds)
{
    (void)printf("%-22s %9.0f bodies/s %8.0f ns/body\n", what, n / seconds, seconds * 1e9 / n);
}

int main(int argc, char **argv)
{
    static struct bench b;
    double limit = argc > 2 ? strtod(argv[2], NULL) : 2;
    double normalizing = 0;
    double parsing = 0;
    double n = 0;
    int failed = 0;

    if (argc < 2) {
        (void)fprintf(stderr, "usage: bench_normalize FOLDER [SECONDS]\n");
        return 2;
    }
    buf_init(&b.event, (size_t)4 << 20);
    b.tokener = json_tokener_new();
    if (!b.tokener || load(&b, argv[1]))
        return 1;
    while (normalizing < limit && !failed) {
        failed = run(&b, normalize, &normalizing) | run(&b, parse, &parsing);
        n += (double)b.n * ROUNDS;
    }
    if (failed)
        return 1;
    (void)printf("%zu bodies of %zu bytes on average\n", b.n, b.bytes / b.n);
    show("normalize and encode", n, normalizing);
    show("bare json-c parse", n, parsing);
    (void)printf("ratio %.2f\n", normalizing / parsing);
    for (size_t i = 0; i < b.n; i++)
        secret_fini(&b.bodies[i]);
    buf_fini(&b.event);
    json_tokener_free(b.tokener);
    return 0;
}
