/* Everything that amoctl prints: documents on stdout, words on stderr, each made harmless
 * for a terminal. */

#include "tools/ctl/output.h"

#include <errno.h>
#include <stdio.h>

#include "base/json.h"
#include "base/process.h"
#include "base/secret.h"
#include "tools/common/screen.h"
#include "tools/common/text.h"
#include "tools/ctl/verbs.h"

void output_add_error(struct json_writer *w, int code, const char *words)
{
    static const char *const names[] = {"fine", "failed", "usage", "unreachable"};
    bool known = code >= 0 && code < (int)AMO_COUNT(names);

    json_open_object(w, "error");
    json_add_text(w, "code", view_of(known ? names[code] : "failed"));
    json_add_text(w, "message", view_of(words));
    json_close_object(w);
}

int output_error(const struct args *a, int code, const char *words)
{
    struct json_writer w;
    struct buf out;

    buf_init(&out, 64 << 10);
    text_clean(view_of(words), &out);
    (void)fprintf(stderr, "amoctl: %s\n",
                  buf_str(&out)); /* if this fails there is no way left */
    if (a && a->json) {
        buf_reset(&out);
        json_writer_init(&w, &out);
        json_open_object(&w, NULL);
        output_add_error(&w, code, words);
        json_close_object(&w);
        (void)printf("%s\n", buf_str(&out));
    }
    buf_fini(&out);
    return code;
}

int output_no_memory(const struct args *a)
{
    return output_error(a, EXIT_FAILED, "out of memory");
}

int output_text(struct view text)
{
    if (fwrite(text.ptr, 1, text.len, stdout) == text.len && fflush(stdout) == 0)
        return EXIT_FINE;
    return output_error(NULL, EXIT_FAILED, "the answer could not be written");
}

int output_buf(const struct buf *out)
{
    return buf_error(out) ? output_no_memory(NULL) : output_text(buf_view(out));
}

/* On stderr: stdout has the scope id alone. */
static void say_moves(struct json *doc)
{
    int64_t n = 0;

    if (!json_get(json_root(doc), "dry_run") &&
        json_int(json_get(json_root(doc), "moves"), &n) && n > 0)
        (void)fprintf(stderr, "amoctl: %lld conversation%s moved with it\n", (long long)n,
                      n == 1 ? "" : "s"); /* if this fails there is no way left */
}

int output_document(const struct args *a, struct view json, struct view said,
                    const struct names *names)
{
    const struct show_style style = {.width = screen_columns(), .names = names, .said = said};
    const struct verb *verb = a->verb->more;
    struct json *doc = NULL;
    struct buf out;
    int rc = json_parse(json, &doc);

    buf_init(&out, (size_t)64 << 20);
    if (rc == 0 && a->json) {
        text_clean_json(json, &out);
        (void)buf_add_char(&out, '\n');
        rc = buf_error(&out);
    } else if (rc == 0) {
        rc = show_answer(verb->show, verb->nothing, doc, &style, &out);
    }
    if (rc == 0 && !a->json && verb->show == SHOW_SCOPE)
        say_moves(doc);
    if (rc == -ENOMEM)
        rc = output_no_memory(a);
    else if (rc)
        rc = output_error(a, EXIT_FAILED, "core's answer cannot be read (another version?)");
    else
        rc = output_text(buf_view(&out));
    if (out.ptr)
        secret_wipe(out.ptr, out.len); /* it may hold a secret made just now */
    buf_fini(&out);
    json_free(doc);
    return rc;
}
