/* amoctl channel request: answers from flags, from what the configuration knows and, at a
 * terminal, from the person there; the letters to stdout or a file. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/config.h"
#include "base/file.h"
#include "base/process.h"
#include "tools/common/text.h"
#include "tools/ctl/letter/dialogue.h"
#include "tools/ctl/letter/icon.h"
#include "tools/ctl/output.h"
#include "tools/ctl/verbs.h"

#define FILE_MODE 0644 /* a letter: no secrets in it */

struct request {
    const struct args *args;
    struct letter letter;
    const char *fallbacks[LETTER_N];
    struct buf url;     /* of the configuration */
    struct buf wrong;   /* what is told of all answers together */
    struct buf missing; /* flags */
};

static int take(struct letter *l, enum letter_item item, struct view text, struct buf *why);
static int from_flags(struct request *q);
static int from_fallbacks(struct request *q);
static int refuse_mistakes(struct request *q);
static int write_out(struct request *q);

/* The configuration knows where the outside reaches us. */
static void set_fallbacks(struct request *q, const struct config *config)
{
    const char *public_url = config ? config_text(config, "public_url") : "";
    size_t len = strlen(public_url);

    for (int i = 0; i < LETTER_N; i++)
        q->fallbacks[i] = letter_question((enum letter_item)i)->fallback;
    if (!len)
        return;
    while (len && public_url[len - 1] == '/')
        len--;
    (void)buf_add(&q->url, public_url, len); /* asked below */
    (void)buf_add_str(&q->url, "/messages/:scope_id");
    if (buf_error(&q->url) == 0)
        q->fallbacks[LETTER_WEBHOOK_URL] = buf_str(&q->url);
}

int channel_request_run(const struct args *a, const struct config *config)
{
    struct request q = {.args = a};
    int rc = 0;

    letter_init(&q.letter);
    buf_init(&q.url, 4096);
    buf_init(&q.wrong, 64 << 10);
    buf_init(&q.missing, 4096);
    set_fallbacks(&q, config);
    rc = from_flags(&q);
    if (rc == 0 && !isatty(STDIN_FILENO))
        rc = from_fallbacks(&q);
    if (rc == 0)
        rc = refuse_mistakes(&q);
    if (rc == 0 && isatty(STDIN_FILENO)) {
        rc = letter_ask(&q.letter, q.fallbacks, take);
        if (rc == LETTER_E_ENDED)
            rc = output_error(a, EXIT_USAGE, "the answers ended before the questions");
    }
    if (rc == 0)
        rc = write_out(&q);
    if (rc == -ENOMEM)
        rc = output_no_memory(a);
    letter_fini(&q.letter);
    buf_fini(&q.url);
    buf_fini(&q.wrong);
    buf_fini(&q.missing);
    return rc;
}

/* --- answers -------------------------------------------------------------------------------- */

static int icon_of(struct letter *l, const char *path, struct buf *why)
{
    struct buf svg;
    int rc = 0;

    buf_init(&svg, ICON_BYTES_MAX + 8192);
    rc = file_read(path, &svg);
    if (rc == -ENOSPC) /* too large to be looked at; the check says so */
        rc = 0;
    if (rc && rc != -ENOMEM) {
        /* NOLINTNEXTLINE(concurrency-mt-unsafe): one thread */
        (void)buf_add_f(why, "%s: %s", path, strerror(-rc)); /* errors stick in the buf */
        rc = LETTER_E_WRONG;
    } else if (rc == 0) {
        (void)buf_add_f(why, "%s ", path);
        rc = icon_check(buf_view(&svg), why, &l->warnings);
        rc = rc == ICON_E_WRONG ? LETTER_E_WRONG : rc;
    }
    buf_fini(&svg);
    return rc;
}

static int take(struct letter *l, enum letter_item item, struct view text, struct buf *why)
{
    int rc = letter_answer(l, item, text, why);

    if (rc || item != LETTER_ICON)
        return rc;
    return icon_of(l, l->answers[item], why);
}

static void add_mistake(struct request *q, enum letter_item item, const char *what,
                        const struct buf *why)
{
    (void)buf_add_f(&q->wrong, "%s--%s: %s%s", q->wrong.len ? "; " : "",
                    letter_question(item)->flag, what,
                    buf_str(why)); /* errors stick in the buf */
}

static int from_flags(struct request *q)
{
    struct buf why;
    int rc = 0;

    buf_init(&why, 16384);
    for (int i = 0; rc >= 0 && i < LETTER_N; i++) {
        enum letter_item item = (enum letter_item)i;
        const char *value = args_value(q->args, letter_question(item)->flag);

        buf_reset(&why);
        if (!value)
            continue;
        rc = take(&q->letter, item, view_of(value), &why);
        if (rc > 0)
            add_mistake(q, item, "", &why);
    }
    buf_fini(&why);
    return rc < 0 ? rc : 0;
}

/* Nobody there to be asked. */
static int from_fallbacks(struct request *q)
{
    struct buf why;
    int rc = 0;

    buf_init(&why, 4096);
    for (int i = 0; rc >= 0 && i < LETTER_N; i++) {
        enum letter_item item = (enum letter_item)i;
        const char *flag = letter_question(item)->flag;

        if (!letter_wants(&q->letter, item) || args_value(q->args, flag))
            continue;
        if (!q->fallbacks[i]) {
            (void)buf_add_f(&q->missing, "%s --%s", q->missing.len ? "," : "",
                            flag); /* errors stick in the buf */
            continue;
        }
        rc = take(&q->letter, item, view_of(q->fallbacks[i]), &why);
        if (rc > 0) /* only that one can be wrong */
            add_mistake(q, item, "public_url of the configuration does not do: ", &why);
    }
    buf_fini(&why);
    return rc < 0 ? rc : 0;
}

/* All at once: nobody likes to mend one to be told the next. */
static int refuse_mistakes(struct request *q)
{
    if (q->missing.len)
        (void)buf_add_f(&q->wrong, "%smissing:%s", q->wrong.len ? "; " : "",
                        buf_str(&q->missing)); /* cut at worst */
    return q->wrong.len ? output_error(q->args, EXIT_USAGE, buf_str(&q->wrong)) : 0;
}

/* --- the letter ----------------------------------------------------------------------------- */

static int write_file(const struct args *a, const char *path, struct view text)
{
    bool force = args_value(a, "force") != NULL;
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY | (force ? O_TRUNC : O_EXCL),
                  FILE_MODE);
    size_t done = 0;
    int error = fd < 0 ? errno : 0;
    struct buf why;

    while (!error && done < text.len) {
        ssize_t n = write(fd, text.ptr + done, text.len - done);

        if (n < 0 && errno != EINTR)
            error = errno;
        done += n > 0 ? (size_t)n : 0;
    }
    if (fd >= 0 && !error && fchmod(fd, FILE_MODE))
        error = errno;
    if (fd >= 0 && close(fd) && !error)
        error = errno;
    if (!error)
        return EXIT_FINE;
    buf_init(&why, 8192);
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): one thread */
    (void)buf_add_f(&why, "%s: %s%s", path, strerror(error),
                    error == EEXIST ? " (--force writes over it)" : ""); /* asked by nobody */
    error = output_error(a, error == EEXIST ? EXIT_USAGE : EXIT_FAILED, buf_str(&why));
    buf_fini(&why);
    return error;
}

static void say_warnings(const struct letter *l)
{
    const char *line = buf_str(&l->warnings);
    struct buf clean;

    buf_init(&clean, 8192);
    while (*line) {
        size_t len = strcspn(line, "\n");

        buf_reset(&clean);
        text_clean(view_make(line, len), &clean);
        /* if this fails there is no way left */
        (void)fprintf(stderr, "amoctl: warning: %s\n", buf_str(&clean));
        line += len + (line[len] == '\n');
    }
    buf_fini(&clean);
}

static int write_out(struct request *q)
{
    const char *path = args_value(q->args, "out");
    struct buf letters;
    struct buf json;
    int rc = 0;

    buf_init(&letters, 128 << 10);
    buf_init(&json, 1 << 20);
    letter_write(&q->letter, LETTER_RU, &letters);
    (void)buf_add_str(&letters, "\n----\n\n");
    letter_write(&q->letter, LETTER_EN, &letters);
    rc = buf_error(&letters);
    if (rc == 0 && q->args->json)
        rc = letter_json(&q->letter, view_of(path), &json);
    if (rc == 0)
        say_warnings(&q->letter);
    if (rc == 0 && path)
        rc = write_file(q->args, path, buf_view(&letters));
    if (rc == 0 && q->args->json)
        rc = output_document(q->args, buf_view(&json), VIEW_NONE, NULL);
    else if (rc == 0 && !path)
        rc = output_text(buf_view(&letters));
    else if (rc == 0)
        /* for a person, who sees the file as well */
        (void)fprintf(stderr, "amoctl: written to %s; attach the icon and send it to support\n",
                      path);
    buf_fini(&letters);
    buf_fini(&json);
    return rc < 0 ? -ENOMEM : rc;
}
