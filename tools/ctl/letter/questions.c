/* What a good answer to each question is, and in which form it is kept. */

#include "tools/ctl/letter/questions.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/ids.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/url.h"
#include "proto/limits.h"
#include "tools/common/text.h"

#define NAME_CHARS     64
#define ACCOUNTS_MAX   100
#define WINDOW_LEAST_S 60
#define WINDOW_MOST_S  2678400 /* 31 days */
#define FILE_MOST_MB   2048

/* An answer while it is looked at. */
struct answer {
    struct letter *letter;
    struct buf out; /* the form in which it is kept; empty: as it was given */
};

/* NULL, or the words for what is wrong with @v. */
typedef const char *check_fn(struct view v, struct answer *a);

static void warn(const struct answer *a, const char *words)
{
    (void)buf_add_f(&a->letter->warnings, "%s\n",
                    words); /* errors stick in the buf, here and below */
}

/* The answer is kept as @text. */
static const char *keep(struct answer *a, const char *text)
{
    (void)buf_add_str(&a->out, text);
    return NULL;
}

void letter_init(struct letter *l)
{
    memset(l->answers, 0, sizeof(l->answers));
    buf_init(&l->warnings, 64 << 10);
}

void letter_fini(struct letter *l)
{
    for (size_t i = 0; i < LETTER_N; i++)
        mem_free(l->answers[i]);
    buf_fini(&l->warnings);
}

bool letter_wants(const struct letter *l, enum letter_item item)
{
    if (l->answers[item])
        return false;
    return item != LETTER_SHOW_TEMPLATE || !l->answers[LETTER_TIME_WINDOW] ||
           strcmp(l->answers[LETTER_TIME_WINDOW], "no") != 0;
}

/* --- what a good answer is ------------------------------------------------------------------ */

static bool is_one_of(struct view v, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (view_is(v, words[i]))
            return true;
    }
    return false;
}

static bool says_yes(struct view v)
{
    static const char *const words[] = {"yes", "y", "YES", "Yes", "Y", "да", "Да", "ДА", "д"};

    return is_one_of(v, words, AMO_COUNT(words));
}

static bool says_no(struct view v)
{
    static const char *const words[] = {"no", "n", "NO", "No", "N", "нет", "Нет", "НЕТ", "н"};

    return is_one_of(v, words, AMO_COUNT(words));
}

static const char *check_yes_no(struct view v, struct answer *a)
{
    if (!says_yes(v) && !says_no(v))
        return "yes or no";
    return keep(a, says_yes(v) ? "yes" : "no");
}

/* One of Unicode's marks of writing direction (U+202A to 202E, U+2066 to 2069). */
static bool turns_around(struct view v)
{
    const unsigned char *c = (const unsigned char *)v.ptr;

    if (v.len < 3 || c[0] != 0xe2)
        return false;
    return (c[1] == 0x80 && c[2] >= 0xaa && c[2] <= 0xae) ||
           (c[1] == 0x81 && c[2] >= 0xa6 && c[2] <= 0xa9);
}

static const char *check_name(struct view v, struct answer *a)
{
    bool latin = true;

    if (text_chars(v) > NAME_CHARS)
        return "at most 64 characters";
    for (size_t i = 0; i < v.len; i++) {
        if ((unsigned char)v.ptr[i] < ' ' || v.ptr[i] == 0x7f)
            return "no control characters";
        if (turns_around(view_make(v.ptr + i, v.len - i)))
            return "no letters that turn the text around";
        latin = latin && (unsigned char)v.ptr[i] < 0x80;
    }
    if (!latin)
        warn(a,
             "the name has letters that are not Latin; the documentation asks for Latin ones, "
             "though names in Cyrillic have been registered");
    if (isdigit((unsigned char)v.ptr[0]))
        warn(a, "the name begins with a digit; the documentation asks for a letter");
    return NULL;
}

/* "a.example.org": at least two labels, the last one no number. */
static bool is_host(struct view v)
{
    size_t dots = 0;
    size_t label = 0;
    bool letters = false;

    for (size_t i = 0; i < v.len; i++) {
        char c = v.ptr[i];

        if (c == '.') {
            if (label == 0 || v.ptr[i - 1] == '-')
                return false;
            dots++;
            label = 0;
            letters = false;
            continue;
        }
        if (!isalnum((unsigned char)c) && !(c == '-' && label > 0))
            return false;
        letters = letters || isalpha((unsigned char)c);
        if (++label > 63)
            return false;
    }
    return dots > 0 && label > 1 && letters && v.ptr[v.len - 1] != '-' && v.len <= 253;
}

static bool ends_with(struct view v, const char *tail)
{
    size_t n = strlen(tail);

    return v.len >= n && strncasecmp(v.ptr + v.len - n, tail, n) == 0;
}

static const char *check_host(struct view host)
{
    static const char *const inner[] = {".localhost", ".local",   ".internal", ".lan", ".home",
                                        ".corp",      ".invalid", ".test",     ".arpa"};
    size_t digits = 0;

    if (host.len && host.ptr[0] == '[')
        return "a name is needed, not an IP address";
    for (size_t i = 0; i < host.len; i++) {
        if ((unsigned char)host.ptr[i] >= 0x80)
            return "write the host in its xn--… form";
    }
    if (view_is(host, "localhost"))
        return "amoCRM cannot reach localhost";
    while (digits < host.len && strchr("0123456789.", host.ptr[digits]) && host.ptr[digits])
        digits++;
    if (host.len && digits == host.len)
        return "a name is needed, not an IP address";
    if (!is_host(host))
        return "the host is not a public name";
    for (size_t i = 0; i < AMO_COUNT(inner); i++) {
        if (ends_with(host, inner[i]))
            return "amoCRM cannot reach a host of a private network";
    }
    return NULL;
}

/* https://host[:port]/path/:scope_id */
static const char *check_url(struct view v, struct answer *a)
{
    static const char marker[] = "/:scope_id";
    struct url url;
    uint64_t port = 0;
    const char *wrong = NULL;

    if (!url_split(v, &url))
        return "an address as https://chat.example.org/messages/:scope_id";
    if (!url.is_https)
        return "https is needed: amoCRM sends clients' messages there";
    for (size_t i = 0; i < v.len; i++) {
        if ((unsigned char)v.ptr[i] <= ' ' || v.ptr[i] == 0x7f ||
            strchr("?#@\\\"<>{}", v.ptr[i]))
            return "no blanks, ?, #, @ or braces in the address";
    }
    if (url.port.ptr && !view_starts(url.host, "[") &&
        num_parse_range(url.port, 1, 65535, &port))
        return "the port is 1 to 65535";
    wrong = check_host(url.host);
    if (wrong)
        return wrong;
    if (!ends_with(url.rest, marker))
        return "it must end with /:scope_id, where amoCRM puts the account";
    url.rest.len -= strlen(marker);
    if (view_find(url.rest, ":scope_id"))
        return ":scope_id must occur only once";
    if (!ends_with(url.rest, "/messages"))
        warn(a,
             "this bridge takes webhooks at …/messages/:scope_id; with another path your proxy "
             "must change it");
    return NULL;
}

/* "1, 2;3" → "1,2,3" */
static const char *check_accounts(struct view v, struct answer *a)
{
    size_t n = 0;

    while (v.len) {
        size_t len = 0;

        while (len < v.len && isdigit((unsigned char)v.ptr[len]))
            len++;
        if (len > 12 || (len && v.ptr[0] == '0'))
            return "numbers of accounts, as 31263018";
        if (len && n++ == ACCOUNTS_MAX)
            return "at most 100 accounts";
        if (len)
            (void)buf_add_f(&a->out, "%s%.*s", n > 1 ? "," : "", (int)len, v.ptr);
        if (len < v.len && !strchr(" ,;\t", v.ptr[len]))
            return "numbers of accounts, as 31263018,31263019 (not names, not amojo "
                   "ids)";
        v = view_make(v.ptr + len + (len < v.len), v.len - len - (len < v.len));
    }
    return n ? NULL : "at least one account";
}

static const char *check_window(struct view v, struct answer *a)
{
    uint64_t s = 0;

    if (says_no(v))
        return keep(a, "no");
    if (num_parse_range(v, WINDOW_LEAST_S, WINDOW_MOST_S, &s))
        return "no, or seconds from 60 to 2678400 (31 days), as 86400 for a day";
    return NULL;
}

static const char *check_email(struct view v, struct answer *a)
{
    static const char form[] = "an e-mail address as support@example.org";
    const char *at = memchr(v.ptr, '@', v.len);
    size_t left = at ? (size_t)(at - v.ptr) : 0;

    (void)a; /* kept as it was given */
    if (!at || left == 0 || left > 64 || v.len > 254)
        return form;
    for (size_t i = 0; i < left; i++) {
        if (!isalnum((unsigned char)v.ptr[i]) && !strchr(".!#$%&'*+/=?^_`{|}~-", v.ptr[i]))
            return form;
    }
    if (v.ptr[0] == '.' || at[-1] == '.' || !is_host(view_make(at + 1, v.len - left - 1)))
        return form;
    return NULL;
}

static const char *check_uuid(struct view v, struct answer *a)
{
    char text[ID_TEXT_LEN + 1];
    struct id id;

    if (id_parse(v, &id))
        return "a UUID as c439f6b2-8d4e-4a27-a9e1-bdd4beb1e406 (the integration's "
               "page shows it)";
    id_format(&id, text);
    return keep(a, text);
}

static const char *check_widget(struct view v, struct answer *a)
{
    bool fine = v.len <= 64;

    (void)a; /* kept as it was given */
    for (size_t i = 0; fine && i < v.len; i++)
        fine = islower((unsigned char)v.ptr[i]) || isdigit((unsigned char)v.ptr[i]) ||
               v.ptr[i] == '_';
    if (!fine)
        return "1 to 64 of a-z, 0-9 and _, as in the widget's manifest";
    return NULL;
}

/* No Latin letters and no control characters: names of emoji are not emoji. */
static const char *check_reactions(struct view v, struct answer *a)
{
    size_t word = 0;

    if (says_no(v) || view_is(v, "all") || view_is(v, "все"))
        return keep(a, says_no(v) ? "no" : "all");
    for (size_t i = 0; i < v.len; i++) {
        unsigned char c = (unsigned char)v.ptr[i];

        if (c == ' ' || c == ',') {
            word = 0;
            continue;
        }
        /* the keycaps begin with a digit, # or * */
        if (++word > LIMIT_EMOJI || (c < 0x80 && !isdigit(c) && c != '#' && c != '*'))
            return "no, all, or emoji with blanks between them";
    }
    /* letters of other scripts have smaller lead bytes than any emoji */
    if (v.len > 1024 || (!memchr(v.ptr, 0xe2, v.len) && !memchr(v.ptr, 0xf0, v.len)))
        return "no, all, or emoji with blanks between them";
    return NULL;
}

/* "ru.company.name": 2 to 4 parts, each begun with a letter. */
static const char *check_code(struct view v, struct answer *a)
{
    static const char form[] =
        "2 to 4 parts with dots between them, of a-z, 0-9 and _, as ru.company.name";
    size_t parts = 1;
    size_t part = 0;

    (void)a; /* kept as it was given */
    for (size_t i = 0; i < v.len; i++) {
        char c = v.ptr[i];

        if (c == '.' && part) {
            parts++;
            part = 0;
            continue;
        }
        if (!islower((unsigned char)c) &&
            (part == 0 || !(isdigit((unsigned char)c) || c == '_')))
            return form;
        part++;
    }
    if (part == 0 || parts < 2 || parts > 4 || v.len > 64 || v.ptr[1] == '.')
        return form;
    return NULL;
}

static const char *check_size(struct view v, struct answer *a)
{
    uint64_t mb = 0;

    if (says_no(v) || view_is(v, "-"))
        return keep(a, "no");
    if (num_parse_range(v, 1, FILE_MOST_MB, &mb))
        return "megabytes from 1 to 2048, as 50; no when it is not for Kommo";
    return NULL;
}

static const char *check_public(struct view v, struct answer *a)
{
    if (says_yes(v))
        warn(a,
             "support registers a channel for the named accounts first and opens it to all on "
             "a later request");
    return check_yes_no(v, a);
}

static check_fn *const checks[LETTER_N] = {
    [LETTER_NAME] = check_name,
    [LETTER_WEBHOOK_URL] = check_url,
    [LETTER_ACCOUNTS] = check_accounts,
    [LETTER_WRITE_FIRST] = check_yes_no,
    [LETTER_TIME_WINDOW] = check_window,
    [LETTER_SHOW_TEMPLATE] = check_yes_no,
    [LETTER_EMAIL] = check_email,
    [LETTER_ICON] = NULL, /* its content is looked at by who reads it */
    [LETTER_CLIENT_UUID] = check_uuid,
    [LETTER_WIDGET_CODE] = check_widget,
    [LETTER_PUBLIC] = check_public,
    [LETTER_STORES_FILES] = check_yes_no,
    [LETTER_REACTIONS] = check_reactions,
    [LETTER_QUOTES] = check_yes_no,
    [LETTER_VOICE] = check_yes_no,
    [LETTER_CODE] = check_code,
    [LETTER_MAX_FILE_SIZE] = check_size,
};

int letter_answer(struct letter *l, enum letter_item item, struct view text, struct buf *why)
{
    struct view v = view_trim(text, " \t\n\v\f\r");
    struct answer a = {.letter = l};
    const char *wrong = NULL;
    int rc = 0;

    buf_init(&a.out, 4096);
    if (v.len == 0)
        wrong = "an answer is needed";
    else if (v.len > 4000 || !json_utf8_valid(v))
        wrong = "a short text in UTF-8";
    else if (checks[item])
        wrong = checks[item](v, &a);
    if (!wrong && a.out.len == 0)
        (void)buf_add_view(&a.out, v);
    rc = buf_error(&a.out);
    if (rc == -ENOSPC)
        wrong = "a short text";
    if (wrong) {
        (void)buf_add_str(why, wrong);
        rc = LETTER_E_WRONG;
    } else if (rc == 0) {
        mem_free(l->answers[item]);
        l->answers[item] = buf_take(&a.out);
    }
    buf_fini(&a.out);
    return rc;
}
