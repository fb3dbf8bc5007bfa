/* The questions and the letters, in Russian and in English. */

#include "tools/ctl/letter/questions.h"

#include <string.h>

#include "base/json.h"
#include "base/num.h"

static const struct letter_question questions[] = {
    {"name",          1,  NULL,  "Название сервиса",                                                         "Name of the service",
     "так канал называется в карточках и списках",                                                                                                                                                                                                                            "how cards and lists call the channel"      },
    {"webhook-url",   2,  NULL,  "Адрес вебхуков",                                                             "Address for webhooks",
     "сюда amoCRM присылает сообщения менеджеров: https://…/messages/:scope_id",
     "where amoCRM sends what managers write: https://…/messages/:scope_id"                                                                                                                                                                                                                                                                                 },
    {"accounts",      3,  NULL,  "Номера аккаунтов, которым доступен канал",
     "Numbers of the accounts that may use the channel",                                                                                                         "к другим аккаунтам канал не подключить, пока поддержка не снимет ограничение",
     "no other account can connect until support lifts the restriction"                                                                                                                                                                                                                                                                                       },
    {"write-first",   4,  "yes", "Нужна возможность написать клиенту первым?",
     "May a manager write first?",                                                                                                                               "без неё переписку начинает только клиент",
     "without it only clients begin conversations"                                                                                                                                                                                                                                                                                                            },
    {"time-window",   5,  "no",  "Временное окно: нет или секунды",                               "Time window: no, or seconds",
     "после него менеджер не может ответить; мессенджеры без такого правила обходятся без окна",
     "after it a manager cannot answer; messengers without such a rule need none"                                                                                                                                                                                                                                                                             },
    {"show-template", 5,  "no",  "Показывать выбор шаблона после окна? (только .com)",
     "Show the choice of templates after the window? (.com only)",                                                                                               "предлагает шаблоны, когда окно закрыто",                                                                       "offers templates when the window is closed"},
    {"email",         6,  NULL,  "Почта для связи",                                                            "Contact e-mail",                    "сюда поддержка пишет о канале",
     "where support writes about the channel"                                                                                                                                                                                                                                                                                                                 },
    {"icon",          7,  NULL,  "Файл иконки: SVG 14x14, до 100 КБ",
     "File of the icon: SVG 14x14, up to 100 KB",                                                                                                                "значок канала рядом с сообщениями",
     "the channel's sign beside its messages"                                                                                                                                                                                                                                                                                                                 },
    {"client-uuid",   8,  NULL,  "UUID интеграции (client_uuid)",
     "UUID of the integration (client_uuid)",                                                                                                                    "связывает канал с интеграцией: без неё чат не привязать к контакту через REST",
     "ties the channel to the integration: needed to attach chats to contacts over REST"                                                                                                                                                                                                                                                                      },
    {"widget-code",   9,  NULL,  "Код виджета",                                                                   "Code of the widget",                "нужен для API источников",
     "needed for the sources API"                                                                                                                                                                                                                                                                                                                             },
    {"public",        10, "no",  "Канал для всех пользователей amoCRM?",
     "Is it for all users of amoCRM?",                                                                                                                           "нет: частный канал, только для названных аккаунтов; открыть можно потом",
     "no: a private channel, for the accounts named; it can be opened later"                                                                                                                                                                                                                                                                                  },
    {"stores-files",  11, "yes", "Интеграция хранит файлы?",                                           "Does the integration store files?",
     "да: amoCRM не копирует файлы к себе, а ссылается на наши",
     "yes: amoCRM keeps no copies and refers to ours"                                                                                                                                                                                                                                                                                                         },
    {"reactions",     12, "no",  "Реакции: нет, все или список эмодзи",
     "Reactions: no, all, or a list of emoji",                                                                                                                   "нет: менеджер не может поставить реакцию",
     "no: managers cannot react"                                                                                                                                                                                                                                                                                                                              },
    {"quotes",        13, "yes", "Нужно цитирование?",                                                      "Are quotes needed?",
     "да: менеджер отвечает на сообщение, мост передаёт цитату",
     "yes: managers answer to a message, the bridge carries the quote"                                                                                                                                                                                                                                                                                        },
    {"voice",         14, "no",  "Нужны голосовые сообщения?",                                       "Are voice messages needed?",
     "да: менеджер может записать голосовое",                                                                                                                                                                                                                                     "yes: managers can record voice messages"   },
    {"code",          15, NULL,  "Желаемый код канала, как ru.company.name",
     "Desired code of the channel, as ru.company.name",                                                                                                          "остаётся навсегда; так канал называют источники",
     "stays for ever; sources name the channel by it"                                                                                                                                                                                                                                                                                                         },
    {"max-file-size", 16, "no",  "Наибольший размер файла, МБ (только Kommo)",
     "Largest file, MB (Kommo only)",                                                                                                                            "больше этого файлы не отправить",
     "larger files cannot be sent"                                                                                                                                                                                                                                                                                                                            },
};

const struct letter_question *letter_question(enum letter_item item)
{
    return &questions[item];
}

/* --- the letter ----------------------------------------------------------------------------- */

struct wording {
    const char *head;
    const char *yes;
    const char *no;
    const char *labels[LETTER_N];
    const char *seconds;
    const char *megabytes;
    const char *template_shown;
    const char *all;
    const char *attached;
    const char *tail;
};

static const struct wording wordings[] = {
    {"Тема: регистрация канала чатов %s\n\nЗдравствуйте!\n\nПросим зарегистрировать канал "
     "чатов (API чатов):\n\n", "да",
     "нет", {"Название", "Адрес вебхуков (v2)", "Доступ для аккаунтов", "Написать первым",
      "Временное окно", NULL, "Почта по всем вопросам", "Иконка",
      "UUID интеграции (client_uuid)", "Код виджета", "Канал для всех пользователей",
      "Интеграция хранит файлы", "Поддержка реакций", "Поддержка цитирования",
      "Поддержка голосовых сообщений", "Желаемый код канала",
      "Наибольший размер файла (Kommo)"},
     " с", " МБ",
     "; после него показывать выбор шаблона", "все",
     "SVG 14x14, приложена: ", "\nПросим включить вебхуки версии v2.\n\nК письму приложено: "},
    {"Subject: registration of the chat channel %s\n\nHello!\n\nPlease register a chat channel "
     "(Chats API):\n\n",                 "yes",
     "no",     {"Name", "Webhook address (v2)", "Accounts that may use it", "Write first", "Time window",
      NULL, "Contact e-mail", "Icon", "UUID of the integration (client_uuid)",
      "Code of the widget", "For all users", "The integration stores files", "Reactions",
      "Quotes", "Voice messages", "Desired code of the channel", "Largest file (Kommo)"},
     " s",  " MB",
     "; show the choice of templates after it",                              "all",
     "SVG 14x14, attached: ",           "\nPlease switch on webhooks of version v2.\n\nAttached: "                                               },
};

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

static bool is_no(const struct letter *l, enum letter_item item)
{
    return !l->answers[item] || strcmp(l->answers[item], "no") == 0;
}

/* Is "yes" or "no" the answer, and not a name that sounds like one? */
static bool is_plain(const struct letter *l, enum letter_item item)
{
    return item != LETTER_NAME && item != LETTER_WIDGET_CODE && item != LETTER_ICON &&
           (is_no(l, item) || strcmp(l->answers[item], "yes") == 0);
}

static void put_answer(const struct letter *l, enum letter_item item, const struct wording *w,
                       struct buf *out)
{
    const char *answer = l->answers[item];

    /* errors stick in the buf, here and below */
    if (item == LETTER_ICON) {
        (void)buf_add_str(out, w->attached);
        (void)buf_add_str(out, base_name(answer));
    } else if (is_plain(l, item)) {
        (void)buf_add_str(out, is_no(l, item) ? w->no : w->yes);
    } else if (item == LETTER_TIME_WINDOW) {
        (void)buf_add_str(out, w->yes);
        (void)buf_add_f(out, ", %s%s", answer, w->seconds);
        if (!is_no(l, LETTER_SHOW_TEMPLATE))
            (void)buf_add_str(out, w->template_shown);
    } else if (item == LETTER_REACTIONS && strcmp(answer, "all") == 0) {
        (void)buf_add_str(out, w->all);
    } else if (item == LETTER_MAX_FILE_SIZE) {
        (void)buf_add_f(out, "%s%s", answer, w->megabytes);
    } else {
        for (const char *c = answer; *c; c++) {
            (void)buf_add_char(out, *c);
            if (item == LETTER_ACCOUNTS && *c == ',')
                (void)buf_add_char(out, ' ');
        }
    }
}

void letter_write(const struct letter *l, enum letter_language language, struct buf *out)
{
    const struct wording *w = &wordings[language];
    const char *mark = strstr(w->head, "%s");

    (void)buf_add(out, w->head, (size_t)(mark - w->head));
    (void)buf_add_str(out, l->answers[LETTER_CODE]);
    (void)buf_add_str(out, mark + 2);
    for (int i = 0; i < LETTER_N; i++) {
        enum letter_item item = (enum letter_item)i;

        if (!w->labels[i] || !l->answers[i] || (item == LETTER_MAX_FILE_SIZE && is_no(l, item)))
            continue;
        (void)buf_add_f(out, "%d. %s: ", questions[i].number, w->labels[i]);
        put_answer(l, item, w, out);
        (void)buf_add_char(out, '\n');
    }
    (void)buf_add_str(out, w->tail);
    (void)buf_add_str(out, base_name(l->answers[LETTER_ICON]));
    (void)buf_add_char(out, '\n');
}

/* --- the document --------------------------------------------------------------------------- */

static void put_accounts(const char *answer, struct json_writer *w)
{
    json_open_array(w, "accounts");
    while (*answer) {
        size_t len = strcspn(answer, ",");
        int64_t number = 0;

        if (num_parse_i64(view_make(answer, len), &number) == 0) /* digits: it was looked at */
            json_add_int(w, NULL, number);
        answer += len + (answer[len] == ',');
    }
    json_close_array(w);
}

static void put_json(const struct letter *l, enum letter_item item, struct json_writer *w)
{
    struct view answer = view_of(l->answers[item]);
    char key[32];
    int64_t number = 0;

    (void)!view_copy(view_of(questions[item].flag), key, sizeof(key)); /* flags are short */
    for (char *c = key; *c; c++) {
        if (*c == '-')
            *c = '_';
    }
    if (item == LETTER_ACCOUNTS)
        put_accounts(l->answers[item], w);
    else if (item == LETTER_TIME_WINDOW || item == LETTER_MAX_FILE_SIZE)
        if (num_parse_i64(answer, &number) == 0)
            json_add_int(w, key, number);
        else
            json_add_null(w, key);
    else if (item == LETTER_ICON)
        json_add_text(w, key, view_of(base_name(l->answers[item])));
    else if (item != LETTER_REACTIONS && is_plain(l, item))
        json_add_bool(w, key, !is_no(l, item));
    else
        json_add_text(w, key, answer);
}

static void put_letter(const struct letter *l, enum letter_language language, const char *key,
                       struct json_writer *w)
{
    struct buf text;

    buf_init(&text, 64 << 10);
    letter_write(l, language, &text);
    json_add_text(w, key, buf_view(&text));
    if (buf_error(&text))
        w->out->error = buf_error(&text);
    buf_fini(&text);
}

int letter_json(const struct letter *l, struct view file, struct buf *out)
{
    const char *line = buf_str(&l->warnings);
    struct json_writer w;

    json_writer_init(&w, out);
    json_open_object(&w, NULL);
    put_letter(l, LETTER_RU, "ru", &w);
    put_letter(l, LETTER_EN, "en", &w);
    json_open_object(&w, "answers");
    for (int i = 0; i < LETTER_N; i++) {
        if (l->answers[i])
            put_json(l, (enum letter_item)i, &w);
    }
    json_close_object(&w);
    json_open_array(&w, "warnings");
    while (*line) {
        size_t len = strcspn(line, "\n");

        json_add_text(&w, NULL, view_make(line, len));
        line += len + 1;
    }
    json_close_array(&w);
    json_add_text_if(&w, "file", file);
    json_close_object(&w);
    return buf_error(out);
}
