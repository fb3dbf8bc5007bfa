/* The questions at a terminal, one after the other, each until its answer is good. */

#include "tools/ctl/letter/dialogue.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "tools/common/text.h"

#define LINE_MAX_BYTES ((size_t)4096)

/* Up to the line's end, which is not in it; what is longer is cut. */
static int read_line(struct buf *out)
{
    buf_reset(out);
    for (;;) {
        char c = 0;
        ssize_t n = read(STDIN_FILENO, &c, 1); /* byte by byte: nothing behind it is taken */

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n == 0 && out->len ? 0 : LETTER_E_ENDED;
        if (c == '\n')
            return 0;
        if (buf_add_char(out, c) == -ENOMEM)
            return -ENOMEM;
    }
}

/* A person reads this; if it cannot be written there is nobody to tell. */
static void say(const char *before, const char *words, const char *after)
{
    (void)fprintf(stderr, "%s%s%s", before, words, after);
}

static void put_question(const struct letter_question *q, const char *fallback)
{
    (void)fprintf(stderr, "\n%d. %s\n   %s\n", q->number, q->ru, q->en);
    say("   - ", q->effect_ru, "\n");
    say("   - ", q->effect_en, "\n");
    if (fallback)
        say("[", fallback, "]");
    say("", "> ", "");
    (void)fflush(stderr);
}

static int ask_one(struct letter *l, enum letter_item item, const char *fallback,
                   letter_take_fn *take)
{
    struct buf line;
    struct buf why;
    struct buf clean;
    int rc = LETTER_E_WRONG;

    buf_init(&line, LINE_MAX_BYTES);
    buf_init(&why, 4096);
    buf_init(&clean, 16384);
    put_question(letter_question(item), fallback);
    while (rc == LETTER_E_WRONG) {
        buf_reset(&why);
        rc = read_line(&line);
        if (rc)
            break;
        if (line.len && line.ptr[line.len - 1] == '\r')
            line.len--;
        rc = take(l, item, line.len || !fallback ? buf_view(&line) : view_of(fallback), &why);
        if (rc != LETTER_E_WRONG)
            break;
        buf_reset(&clean);
        text_clean(buf_view(&why), &clean);
        say("   ! ", buf_str(&clean), "\n> ");
        (void)fflush(stderr);
    }
    buf_fini(&line);
    buf_fini(&why);
    buf_fini(&clean);
    return rc;
}

int letter_ask(struct letter *l, const char *const fallbacks[LETTER_N], letter_take_fn *take)
{
    int rc = 0;

    say("", "Анкета канала для поддержки amoCRM. Пустая строка принимает ответ в скобках.\n",
        "");
    say("",
        "The questionnaire of amoCRM's support. An empty line takes the answer in brackets.\n",
        "");
    for (int i = 0; rc == 0 && i < LETTER_N; i++) {
        enum letter_item item = (enum letter_item)i;

        if (letter_wants(l, item))
            rc = ask_one(l, item, fallbacks[i], take);
    }
    return rc;
}
