#include "tools/ctl/tell.h"

#include <stdio.h>

#include "base/json.h"
#include "base/process.h"
#include "tools/common/text.h"

int tell(const struct args *a, int code, const char *words)
{
    static const char *const names[] = {"fine", "failed", "usage", "unreachable"};
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
        json_open_object(&w, "error");
        json_add_text(
            &w, "code",
            view_of(code >= 0 && code < (int)AMO_COUNT(names) ? names[code] : "failed"));
        json_add_text(&w, "message", view_of(words));
        json_close_object(&w);
        json_close_object(&w);
        (void)printf("%s\n", buf_str(&out));
    }
    buf_fini(&out);
    return code;
}

int tell_memory(const struct args *a)
{
    return tell(a, EXIT_FAILED, "out of memory");
}

int tell_output(const struct buf *out)
{
    if (!buf_error(out) && fwrite(buf_str(out), 1, out->len, stdout) == out->len &&
        fflush(stdout) == 0)
        return EXIT_FINE;
    return tell(NULL, EXIT_FAILED, "the answer could not be written");
}
