/* The command line as one JSON object for core: options and operands as texts, named files
 * read whole, secrets from files alone. */

#include "tools/ctl/arguments.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/secret.h"

#define SECRET_FILE_MAX ((size_t)4096)    /* bytes; a secret has 100 at most */
#define TEXT_FILE_MAX   ((size_t)1 << 20) /* bytes; support's answer has 2,000 */

static int file_error(const char *path, const char *words, struct buf *why)
{
    (void)buf_add_f(why, "%s: %s", path, words); /* errors stick in the buf */
    return ARGUMENTS_E_USAGE;
}

static int file_errno(const char *path, int rc, struct buf *why)
{
    return file_error(path, strerror(-rc), why); /* NOLINT(concurrency-mt-unsafe): one thread */
}

static int put_text_file(const struct args_option *o, const char *path, struct json_writer *w,
                         struct buf *why)
{
    struct buf text;
    int rc = 0;

    buf_init(&text, TEXT_FILE_MAX);
    rc = strcmp(path, "-") == 0 ? file_read_fd(STDIN_FILENO, &text) : file_read(path, &text);
    if (rc == -ENOSPC)
        rc = file_error(path, "larger than 1 MiB", why);
    else if (rc < 0 && rc != -ENOMEM)
        rc = file_errno(path, rc, why);
    else if (rc == 0 && text.len == 0)
        rc = file_error(path, "is empty", why);
    else if (rc == 0 && !json_utf8_valid(buf_view(&text)))
        rc = file_error(path, "is not UTF-8", why);
    if (rc == 0)
        json_add_text(w, o->key, buf_view(&text));
    if (text.ptr)
        secret_wipe(text.ptr, text.len); /* support's answer holds the channel's secret */
    buf_fini(&text);
    return rc;
}

static int put_secret_file(const struct args_option *o, const char *path, struct json_writer *w,
                           struct buf *why)
{
    struct secret secret = SECRET_EMPTY;
    int rc = secret_read_file(&secret, path, SECRET_FILE_MAX);

    if (rc == -ENOMEM)
        return rc;
    if (rc == -EFBIG)
        return file_error(path, "larger than a secret", why);
    if (rc == -EINVAL)
        return file_error(path, "is empty", why);
    if (rc)
        return file_errno(path, rc, why);
    if (json_utf8_valid(secret_view(&secret)))
        json_add_text(w, o->key, secret_view(&secret));
    else
        rc = file_error(path, "is not text", why);
    secret_fini(&secret);
    return rc;
}

static int put_option(const struct args_option *o, const char *value, struct json_writer *w,
                      struct buf *why)
{
    switch (o->kind) {
    case ARGS_TEXT:
        if (!json_utf8_valid(view_of(value)))
            return file_error(o->name, "is not UTF-8", why);
        json_add_text(w, o->key, view_of(value));
        return 0;
    case ARGS_FLAG:
        json_add_bool(w, o->key, true);
        return 0;
    case ARGS_FILE:
        return put_text_file(o, value, w, why);
    case ARGS_SECRET:
        return put_secret_file(o, value, w, why);
    }
    return -EINVAL;
}

static int put_operands(const struct args *a, struct json_writer *w, struct buf *why)
{
    if (!a->verb->operand)
        return 0;
    for (size_t i = 0; i < a->n_operands; i++) {
        if (!json_utf8_valid(view_of(a->operands[i])))
            return file_error(a->verb->operand_word, "is not UTF-8", why);
    }
    if (!a->verb->many) {
        json_add_text(w, a->verb->operand, view_of(a->operands[0]));
        return 0;
    }
    json_open_array(w, a->verb->operand);
    for (size_t i = 0; i < a->n_operands; i++)
        json_add_text(w, NULL, view_of(a->operands[i]));
    json_close_array(w);
    return 0;
}

int arguments_write(const struct args *a, struct buf *out, struct buf *ret_why)
{
    struct json_writer w;
    int rc = 0;

    /* room for most at once, so that growing leaves no copies of secrets behind */
    if (!buf_reserve(out, 64 << 10))
        return buf_error(out);
    json_writer_init(&w, out);
    json_open_object(&w, NULL);
    for (size_t i = 0; rc == 0 && i < a->verb->n_options; i++) {
        if (a->values[i])
            rc = put_option(&a->verb->options[i], a->values[i], &w, ret_why);
    }
    rc = rc ? rc : put_operands(a, &w, ret_why);
    json_close_object(&w);
    return rc ? rc : buf_error(out);
}
