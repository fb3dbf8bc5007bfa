/* amo-sandbox: its options, its listener, its loop. */
#include <curl/curl.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "tools/sandbox/http/request.h"
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
    "usage: amo-sandbox [--listen ADDRESS:PORT] [--cert FILE --key FILE] [--version]\n"
    "                   [--help]\n"
    "\n"
    "Plays amojo and a Mobilon service, for demos, tests and integrators.\n"
    "\n"
    "  --listen ADDRESS:PORT  127.0.0.1:9800 unless given; port 0 is any free one\n"
    "  --cert FILE            PEM certificate chain: HTTPS instead of HTTP\n"
    "  --key FILE             its private key\n"
    "\n"
    "Driven and inspected under /_sandbox/; docs/sandbox.md tells how.\n";

static void on_request(void *arg, struct request *x)
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
    static const struct option known[] = {
        {"listen",  required_argument, NULL, 'l'},
        {"cert",    required_argument, NULL, 'c'},
        {"key",     required_argument, NULL, 'k'},
        {"help",    no_argument,       NULL, 'h'},
        {"version", no_argument,       NULL, 'v'},
        {NULL,      0,                 NULL, 0  },
    };
    int option = 0;

    *a = (struct arguments){.listen = "127.0.0.1:9800"};
    opterr = 0;
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): one thread */
    while ((option = getopt_long(argc, argv, ":h", known, NULL)) != -1) {
        if (option == 'l')
            a->listen = optarg;
        else if (option == 'c')
            a->cert_file = optarg;
        else if (option == 'k')
            a->key_file = optarg;
        else if (option == '?' || option == ':') {
            (void)fprintf(stderr, "amo-sandbox: %s%s (try amo-sandbox --help)\n",
                          option == ':' ? "a value is missing after " : "unknown argument ",
                          argv[optind - 1]);
            return 1 + EXIT_USAGE;
        } else {
            (void)fputs(option == 'h' ? help : "amo-sandbox " AMO_VERSION "\n", stdout);
            return 1 + EXIT_SUCCESS;
        }
    }
    if (optind < argc || !a->cert_file != !a->key_file) {
        (void)fprintf(stderr, "amo-sandbox: %s%s (try amo-sandbox --help)\n",
                      optind < argc ? "unknown argument " : "--cert and --key go together",
                      optind < argc ? argv[optind] : "");
        return 1 + EXIT_USAGE;
    }
    return 0;
}

/* A whole small file as text; NULL when it cannot be read. */
static char *pem_read(const char *path)
{
    struct buf text;
    int rc = 0;

    buf_init(&text, PEM_MAX);
    rc = file_read(path, &text);
    if (rc == 0)
        return buf_take(&text);
    buf_fini(&text);
    return NULL;
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
    struct listener_options o = {
        .address = a->listen, .handle = on_request, .unix_ms = on_clock, .arg = s};
    char *cert = a->cert_file ? pem_read(a->cert_file) : NULL;
    char *key = a->key_file ? pem_read(a->key_file) : NULL;
    int rc = a->cert_file && (!cert || !key) ? -ENOENT : 0;

    o.cert = cert;
    o.key = key;
    if (rc == 0)
        rc = listener_open(&s->listener, &s->timers, &o);
    if (rc == 0) {
        (void)printf("amo-sandbox listening on %s://%.*s:%u\n", cert ? "https" : "http",
                     (int)(strrchr(a->listen, ':') - a->listen), a->listen,
                     listener_port(s->listener));
        (void)fflush(stdout); /* whoever waits for the line reads stdout */
    }
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
