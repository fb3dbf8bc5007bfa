/* Finds what an answer repeats of its question. Both are taken as UTF-16, as JSON escapes it. */

#include "egress/echoed.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/utf8.h"

#define LEAST    8                  /* units of a text that is looked for */
#define PIECE    16                 /* … and of a part of it */
#define SAID_MAX ((size_t)32 << 10) /* bytes; no evidence is longer */
#define TEXT_MAX                                                                               \
    ((size_t)128 << 10) /* bytes of a text; what is behind them is not looked for */
#define HEADS      4096U
#define STEPS_MAX  1000000 /* of looking for one text: who makes it more shows nothing */
#define NONE       UINT16_MAX
#define PHONE_TAIL 10 /* digits: without the country */
#define DOTS       "\xe2\x80\xa6"

/* Of what was said: unit @ch[i] is written in the bytes from @at[i] to @at[i + 1]. */
struct said {
    struct view text;
    uint16_t *ch;
    uint16_t *at;
    size_t n;
    bool *hidden; /* by byte */
};

/* Units of the grams of a length, by their hash. */
struct grams {
    size_t len;
    uint16_t head[HEADS];
    uint16_t *next;
};

/* --- units -------------------------------------------------------------------------------------- */

static size_t put_units(uint32_t c, uint16_t *ret)
{
    if (c > 0xffff) {
        ret[0] = (uint16_t)(0xd800 + ((c - 0x10000) >> 10));
        ret[1] = (uint16_t)(0xdc00 + ((c - 0x10000) & 0x3ff));
        return 2;
    }
    ret[0] = c < ' ' || c == 0x7f ? (uint16_t)' ' : (uint16_t)c;
    return 1;
}

static bool hex4(struct view v, uint32_t *ret)
{
    uint32_t c = 0;

    if (v.len < 4)
        return false;
    for (size_t i = 0; i < 4; i++) {
        unsigned char d = (unsigned char)v.ptr[i];

        if (!isxdigit(d))
            return false;
        c = 16 * c + (uint32_t)(isdigit(d) ? d - '0' : (d | 0x20) - 'a' + 10);
    }
    *ret = c;
    return true;
}

/* One that is written as in a JSON text. */
static uint32_t first_written(struct view v, size_t *ret_len)
{
    uint32_t c = 0;

    if (v.ptr[0] != '\\' || v.len < 2)
        return utf8_first(v, ret_len);
    *ret_len = 2;
    if (strchr("nrtbf", v.ptr[1]) && v.ptr[1])
        return ' ';
    if (strchr("\"\\/", v.ptr[1]) && v.ptr[1])
        return (uint32_t)(unsigned char)v.ptr[1];
    if (v.ptr[1] == 'u' && hex4(view_make(v.ptr + 2, v.len - 2), &c)) {
        *ret_len = 6;
        return c;
    }
    *ret_len = 1;
    return '\\';
}

static void said_read(struct said *s)
{
    struct view rest = s->text;

    while (rest.len) {
        size_t len = 0;
        uint16_t units[2];
        size_t n = put_units(first_written(rest, &len), units);

        for (size_t i = 0; i < n; i++) {
            s->ch[s->n] = units[i];
            s->at[s->n++] = (uint16_t)(rest.ptr - s->text.ptr);
        }
        rest = view_make(rest.ptr + len, rest.len - len);
    }
    s->at[s->n] = (uint16_t)s->text.len;
}

static size_t text_read(struct view text, uint16_t *ret)
{
    size_t n = 0;

    while (text.len) {
        size_t len = 0;

        n += put_units(utf8_first(text, &len), ret + n);
        text = view_make(text.ptr + len, text.len - len);
    }
    return n;
}

/* --- what is in both ---------------------------------------------------------------------------- */

static size_t hash_of(const uint16_t *ch, size_t len)
{
    uint32_t h = 2166136261U;

    for (size_t i = 0; i < len; i++)
        h = (h ^ ch[i]) * 16777619U;
    return (h ^ (h >> 15)) % HEADS;
}

static void grams_read(struct grams *g, const struct said *s)
{
    memset(g->head, 0xff, sizeof(g->head));
    for (size_t i = 0; i + g->len <= s->n; i++) {
        uint16_t *head = &g->head[hash_of(s->ch + i, g->len)];

        g->next[i] = *head;
        *head = (uint16_t)i;
    }
}

/* Each place of @s is found once, and is then out of the way: a text that repeats itself costs no more. */
static void hide_grams(struct grams *g, struct said *s, const uint16_t *text, size_t n)
{
    long steps = 0;

    for (size_t p = 0; p + g->len <= n; p++) {
        uint16_t *link = &g->head[hash_of(text + p, g->len)];

        while (*link != NONE) {
            size_t i = *link;

            if (++steps > STEPS_MAX) {
                memset(s->hidden, true, s->text.len);
                return;
            }
            if (memcmp(s->ch + i, text + p, g->len * sizeof(*text)) != 0) {
                link = &g->next[i];
                continue;
            }
            memset(s->hidden + s->at[i], true, (size_t)(s->at[i + g->len] - s->at[i]));
            *link = g->next[i];
        }
    }
}

static int hide_text(struct said *s, struct view text)
{
    struct grams *g = NULL;
    uint16_t *units = NULL;
    size_t n = 0;
    int rc = 0;

    text = view_cut(view_trim(text, " \t\r\n"), TEXT_MAX);
    if (text.len < LEAST)
        return 0;
    g = mem_zalloc(sizeof(*g));
    units =
        mem_zalloc_array(text.len, sizeof(*units)); /* no character has more units than bytes */
    if (g)
        g->next = mem_zalloc_array(s->n + 1, sizeof(*g->next));
    if (!g || !g->next || !units) {
        rc = -ENOMEM;
        goto finish;
    }
    n = text_read(text, units);
    g->len = num_min(n, PIECE);
    if (n >= LEAST) {
        grams_read(g, s);
        hide_grams(g, s, units, n);
    }
finish:
    if (g)
        mem_free(g->next);
    mem_free(g);
    mem_free(units);
    return rc;
}

/* --- phones ------------------------------------------------------------------------------------- */

/* How many bytes @v begins with that are the digits @tail, in groups; 0: it does not. */
static size_t begins_with(struct view v, const char *tail)
{
    for (size_t i = 0; i < v.len; i++) {
        if (v.ptr[i] == *tail) {
            if (*++tail == '\0')
                return i + 1;
        } else if (i == 0 || v.ptr[i] == '\0' || !strchr(" ()-.", v.ptr[i])) {
            return 0;
        }
    }
    return 0;
}

static void hide_phone(struct said *s, struct view phone)
{
    char tail[PHONE_TAIL + 1] = "";
    size_t n = 0;

    for (size_t i = phone.len; i > 0 && n < PHONE_TAIL; i--) {
        if (isdigit((unsigned char)phone.ptr[i - 1]))
            tail[PHONE_TAIL - ++n] = phone.ptr[i - 1];
    }
    if (n < LEAST)
        return;
    for (size_t i = 0; i < s->text.len; i++) {
        size_t len =
            begins_with(view_make(s->text.ptr + i, s->text.len - i), tail + PHONE_TAIL - n);

        memset(s->hidden + i, true, len);
        i += len ? len - 1 : 0;
    }
}

/* --- all of it ---------------------------------------------------------------------------------- */

static void write_rest(struct buf *b, size_t from, const struct said *s)
{
    const size_t dots = strlen(DOTS);
    size_t to = from;

    for (size_t i = 0; i < s->text.len; i++) {
        if (!s->hidden[i]) {
            b->ptr[to++] = b->ptr[from + i];
        } else if (i == 0 || !s->hidden[i - 1]) {
            memcpy(b->ptr + to, DOTS, dots); /* what is hidden is longer */
            to += dots;
        }
    }
    b->len = to;
    b->ptr[to] = '\0';
}

static int hide_all(struct said *s, const struct command *c)
{
    const struct view texts[] = {
        c->content.text,         c->content.forward_text,   c->content.reply_text,
        c->content.reply_author, c->content.forward_author, c->sender_name,
        c->receiver_name,        c->sender_email,           c->receiver_email};
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < AMO_COUNT(texts); i++)
        rc = hide_text(s, texts[i]);
    hide_phone(s, c->sender_phone);
    hide_phone(s, c->receiver_phone);
    return rc;
}

int echoed_hide(struct buf *b, size_t from, const struct command *command)
{
    struct said s = {.text = view_make(b->ptr + from, b->len - from)};
    int rc = 0;

    if (s.text.len < LEAST)
        return 0;
    if (s.text.len > SAID_MAX)
        return -ENOSPC;
    s.ch = mem_zalloc_array(s.text.len + 1, sizeof(*s.ch));
    s.at = mem_zalloc_array(s.text.len + 1, sizeof(*s.at));
    s.hidden = mem_zalloc_array(s.text.len, sizeof(*s.hidden));
    if (s.ch && s.at && s.hidden) {
        said_read(&s);
        rc = hide_all(&s, command);
        if (rc == 0)
            write_rest(b, from, &s);
    } else {
        rc = -ENOMEM;
    }
    mem_free(s.ch);
    mem_free(s.at);
    mem_free(s.hidden);
    return rc;
}
