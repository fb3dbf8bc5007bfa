#pragma once

/* The questionnaire that amoCRM's support wants to see answered before it registers a channel: its
 * questions, what a good answer is, and the letter made of the answers. Reads no file, prompts no one. */

#include "base/buf.h"
#include "base/compiler.h"

/* In the order of the questionnaire: X(id, flag, number). */
#define LETTER_ITEMS(X)                                                                        \
    X(NAME, "name", 1)                                                                         \
    X(WEBHOOK_URL, "webhook-url", 2)                                                           \
    X(ACCOUNTS, "accounts", 3)                                                                 \
    X(WRITE_FIRST, "write-first", 4)                                                           \
    X(TIME_WINDOW, "time-window", 5)                                                           \
    X(SHOW_TEMPLATE, "show-template", 5)                                                       \
    X(EMAIL, "email", 6)                                                                       \
    X(ICON, "icon", 7)                                                                         \
    X(CLIENT_UUID, "client-uuid", 8)                                                           \
    X(WIDGET_CODE, "widget-code", 9)                                                           \
    X(PUBLIC, "public", 10)                                                                    \
    X(STORES_FILES, "stores-files", 11)                                                        \
    X(REACTIONS, "reactions", 12)                                                              \
    X(QUOTES, "quotes", 13)                                                                    \
    X(VOICE, "voice", 14)                                                                      \
    X(CODE, "code", 15)                                                                        \
    X(MAX_FILE_SIZE, "max-file-size", 16)

enum letter_item {
#define LETTER_ITEM(id, flag, number) LETTER_##id,
    LETTER_ITEMS(LETTER_ITEM)
#undef LETTER_ITEM
    LETTER_N
};

struct letter_question {
    const char *flag;
    int number;           /* in the questionnaire; 16: asked for Kommo only */
    const char *fallback; /* what this bridge needs; NULL: only the operator knows */
    const char *ru;
    const char *en;
    const char *effect_ru; /* what the answer changes */
    const char *effect_en;
};

/* Answers as they were understood: "yes" and "no", digits, lower case where case means nothing. */
struct letter {
    char *answers[LETTER_N]; /* owned; NULL: not answered */
    struct buf warnings;     /* a line each */
};

enum {
    LETTER_E_WRONG = 1, /* not an answer to this question; said in @why */
};

enum letter_language {
    LETTER_RU,
    LETTER_EN,
};

const struct letter_question *letter_question(enum letter_item item);
void letter_init(struct letter *l);
void letter_fini(struct letter *l);

/* An answer of a person; of the icon its path. LETTER_E_WRONG, -ENOMEM. */
AMO_MUSTCHECK int letter_answer(struct letter *l, enum letter_item item, struct view text,
                                struct buf *why);
/* Is there any need to ask this? The template belongs to a time window. */
bool letter_wants(const struct letter *l, enum letter_item item);
/* The letter. All answers are there but the file size. */
void letter_write(const struct letter *l, enum letter_language language, struct buf *out);
/* {ru, en, answers, warnings} and, unless VIEW_NONE, the file it was written to. */
AMO_MUSTCHECK int letter_json(const struct letter *l, struct view file, struct buf *out);
