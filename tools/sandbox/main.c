#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "tools/sandbox/http/exchange.h"
#include "tools/sandbox/record/world.h"
#include "tools/sandbox/sandbox.h"

enum {
    EXIT_USAGE = 2,
    PEM_MAX = 1024 * 1024,
};

struct arguments {
    const char *listen;
    const char *cert_file;
    const char *key_file;
};

static const char help[] =
    "amo-sandbox - plays amojo and a Mobilon service, for demos, tests and integrators\n"
    "\n"
    "  --listen ADDRESS:PORT  where to listen; port 0 = any free one (127.0.0.1:9800)\n"
    "  --cert FILE            PEM certificate chain; with --key: HTTPS instead of HTTP\n"
    "  --key FILE             PEM private key\n"
    "  --version, --help\n"
    "\n"
    "Driven and inspected under /_sandbox/; docs/sandbox.md tells how.\n";

static void on_request(void *arg, struct exchange *x)
{
    sandbox_handle(arg, x);
}

static int64_t on_clock(void *arg)
{
    const struct sandbox *s = arg;

    return sandbox_unix_ms(s);
}

/* 0, or the exit code + 1 when the program ends here. */
static int arguments_read(struct arguments *a, int argc, char **argv)
{
    *a = (struct arguments){.listen = "127.0.0.1:9800"};
    for (int i = 1; i < argc; i++) {
        const char **place = NULL;

        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "--version") == 0) {
            (void)fputs(argv[i][2] == 'h' ? help : "amo-sandbox " AMO_VERSION "\n", stdout);
            return 1 + EXIT_SUCCESS;
        }
        if (strcmp(argv[i], "--listen") == 0)
            place = &a->listen;
        else if (strcmp(argv[i], "--cert") == 0)
            place = &a->cert_file;
        else if (strcmp(argv[i], "--key") == 0)
            place = &a->key_file;
        if (!place || i + 1 >= argc) {
            (void)fprintf(stderr, "amo-sandbox: %s %s; see --help\n", argv[i],
                          place ? "needs a value" : "is not known");
            return 1 + EXIT_USAGE;
        }
        *place = argv[++i];
    }
    if (!a->cert_file != !a->key_file) {
        (void)fputs("amo-sandbox: --cert and --key go together\n", stderr);
        return 1 + EXIT_USAGE;
    }
    return 0;
}

/* "127.0.0.1:9800" or "[::1]:9800". */
static int listen_read(const char *text, char *ret_host, size_t cap, uint16_t *ret_port)
{
    const char *colon = strrchr(text, ':');
    size_t n = colon ? (size_t)(colon - text) : 0;
    char *end = NULL;
    unsigned long port = colon ? strtoul(colon + 1, &end, 10) : 0;

    if (!colon || !colon[1] || *end || port > 65535 || colon[1] == '-')
        return -EINVAL;
    if (n >= 2 && text[0] == '[' && text[n - 1] == ']') {
        text++;
        n -= 2;
    }
    *ret_port = (uint16_t)port;
    return view_copy(view_make(text, n), ret_host, cap);
}

/* A whole small file as text; NULL when it cannot be read. */
static char *file_read(const char *path)
{
    FILE *f = fopen(path, "re");
    struct buf text;
    char piece[4096];
    size_t n = 0;

    if (!f)
        return NULL;
    buf_init(&text, PEM_MAX);
    while ((n = fread(piece, 1, sizeof(piece), f)) > 0)
        (void)buf_add(&text, piece, n); /* too long: a PEM that does not parse */
    (void)fclose(f);                    /* only read from */
    return buf_take(&text);
}

/* Many clients at once want many descriptors. */
static void raise_limits(void)
{
    struct rlimit r = {0};

    if (getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur < r.rlim_max) {
        r.rlim_cur = r.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &r); /* else fewer connections */
    }
}

static int listen_open(struct sandbox *s, const struct arguments *a)
{
    struct listener_options o = {.handle = on_request, .unix_ms = on_clock, .arg = s};
    char host[64];
    char *cert = NULL;
    char *key = NULL;
    int rc = listen_read(a->listen, host, sizeof(host), &o.port);

    if (rc)
        goto out;
    o.host = host;
    if (a->cert_file) {
        cert = file_read(a->cert_file);
        key = file_read(a->key_file);
        rc = cert && key ? 0 : -ENOENT;
        if (rc)
            goto out;
        o.cert = cert;
        o.key = key;
    }
    rc = listener_open(&s->listener, &s->timers, &o);
    if (rc == 0) {
        (void)printf("amo-sandbox listening on %s://%s%s%s:%u\n", cert ? "https" : "http",
                     strchr(host, ':') ? "[" : "", host, strchr(host, ':') ? "]" : "",
                     (unsigned int)listener_port(s->listener));
        (void)fflush(stdout); /* whoever waits for the line reads stdout */
    }
out:
    mem_free(cert);
    mem_free(key);
    return rc;
}

int main(int argc, char **argv)
{
    struct arguments a;
    static struct sandbox s;
    int rc = arguments_read(&a, argc, argv);

    if (rc)
        return rc - 1;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return EXIT_FAILURE;
    log_setup("sandbox", LOG_LEVEL_INFO, false);
    raise_limits();
    rc = sandbox_init(&s);
    if (rc == 0)
        rc = listen_open(&s, &a);
    if (rc)
        (void)fprintf(stderr, "amo-sandbox: cannot listen on %s: %s\n", a.listen,
                      strerror(-rc)); /* NOLINT(concurrency-mt-unsafe): one thread */
    else
        rc = sandbox_run(&s);
    sandbox_fini(&s);
    curl_global_cleanup();
    if (rc == -EINVAL || rc == -ENOENT)
        return EXIT_USAGE;
    return rc ? EXIT_FAILURE : EXIT_SUCCESS;
}
