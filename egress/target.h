#pragma once

/* A target is one kind of remote side. It turns a command into one HTTP request and reads what
 * the answer teaches; how calls are made, judged and reported is the same for all of them.
 *
 * One file a target: target_amojo.c (with amojo_body.c and amojo_answer.c), target_webhook.c.
 * Pure: the time is an argument, nothing is sent here. */

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/json.h"
#include "egress/judge.h"
#include "proto/command.h"
#include "proto/registry.h"

/* Which addresses a call may reach; calls of different policies never share a connection. */
enum http_policy {
    HTTP_POLICY_AMOJO,   /* any: the operator named it with the channel */
    HTTP_POLICY_PUBLIC,  /* a connector: the public internet only */
    HTTP_POLICY_PRIVATE, /* a connector that may reach private networks */
};
#define HTTP_N_POLICIES 3

/* One request, ready to go: serialised once, these bytes are signed and sent. */
struct http_request {
    enum http_policy policy;
    const char *method; /* "GET", "POST", "DELETE"; a literal */
    struct buf url;
    struct buf headers; /* "Name: value\n" each */
    struct buf body;
    bool
        fresh; /* a look: names, connection and certificate are new, and not kept for other calls */
    /* A value that must not show in evidence even when the answer echoes it; "" none. */
    char signature[256];
};

void http_request_init(struct http_request *q);
void http_request_fini(struct http_request *q);
/* Empty again, memory kept. */
void http_request_reset(struct http_request *q);

/* What came back. Views are borrowed for the call that is handed it. */
struct http_answer {
    enum http_end end;
    unsigned status;
    bool truncated; /* the body was longer than LIMIT_ANSWER_BYTES */
    bool resent;
    bool html; /* it calls itself text/html */
    struct view body;
    struct view status_line; /* "HTTP/1.1 200 OK" */
    struct view date;
    struct view retry_after;
    const char *words; /* why there is no answer; "" when there is one */
    enum stage stage;
    /* of a fresh call */
    const char *tls_refused; /* a word for why there is no TLS; NULL none */
    int64_t cert_until_ms;   /* wall time at which the certificate ends; 0 not known */
    int64_t took_ms;
};

enum {
    TARGET_E_UNREGISTERED = 1, /* no such channel or connector here, or it has no secret */
    TARGET_E_IMPOSSIBLE,       /* the command cannot be made into a request: final */
};

/* What an answer taught. Texts borrow @doc (and the answer). */
struct target_reading {
    struct json *doc; /* owned; NULL when the body was no JSON */
    bool readable;
    enum answer_form form;
    struct view words;
    struct view code; /* the service's own word for its refusal */
    bool found;
    bool complete;
    int64_t next_offset; /* of the history; 0: this was the end */
    struct view amo_message_id;
    struct view amo_chat_id;
    struct view amo_sender_id;
    struct view amo_receiver_id;
    struct view service_conversation;
    struct view service_message_id;
    struct view scope_id;
};
void target_reading_fini(struct target_reading *r);

/* How the body of amojo's delivery_status is written: two editions of the reference name the same
 * thing differently. */
enum status_spelling {
    STATUS_SPELLING_BOTH, /* msgid, delivery_status and status_code in one body */
    STATUS_SPELLING_OLD,  /* msgid and delivery_status */
    STATUS_SPELLING_NEW,  /* status_code */
};
/* "both", "old", "new"; anything else is both. */
enum status_spelling status_spelling_of(const char *word);

/* What a request is made with besides its command. */
struct target_context {
    const struct registry *registry;
    int64_t now_ms; /* wall time: for the signature, and for what expires */
    enum status_spelling spelling;
};

struct target_ops {
    /* Fill @q (freshly reset), signed. TARGET_E_*, -ENOMEM, -ENOSPC, -EIO. */
    int (*build)(const struct command *c, const struct target_context *x,
                 struct http_request *q);
    /* Read an answer of any status. Cannot fail: what cannot be read is not readable. */
    void (*read)(const struct command *c, const struct http_answer *a,
                 struct target_reading *ret);
};

extern const struct target_ops target_amojo;
extern const struct target_ops target_webhook;

/* Whose command it is. @kind is one that command_decode lets through. */
enum target target_of_kind(uint64_t kind);
const struct target_ops *target_ops(enum target t);

/* Helpers for the targets. */

/* Append @segment to a URL, percent-encoded where it must be. TARGET_E_IMPOSSIBLE for an empty
 * one and for "." and "..", which servers fold away. */
AMO_MUSTCHECK int target_add_segment(struct buf *url, struct view segment);
/* May a request line contain it? */
bool target_url_is_fine(struct view url);
/* Is it a number as JSON has it? Then a body may contain it as it is. */
bool target_is_number(struct view text);
/* Is it a page meant for people? No answer of an API looks like one: it comes from something in
 * front of the remote side, and proves nothing about that. A page is a body that begins with "<", or
 * one that is declared as HTML and contains a sentence: frameworks also declare an API's answers as
 * HTML, but those are JSON or one word. */
bool target_is_page(const struct http_answer *a);
/* Is it one word, like OK, or nothing at all? */
bool target_is_word(struct view body);
/* Is it a typing command that has expired? */
bool target_is_stale(const struct command *c, int64_t now_ms);
/* What the body of @a looks like, where @own says whether it is as the remote side writes. */
enum answer_form target_form(const struct http_answer *a, bool own);
/* The answer's JSON; NULL, which reads as absent, when it is none. */
const struct json_node *target_root(const struct target_reading *r);
/* @n's text as a view of @doc; VIEW_NONE when it has none (or memory ran out). */
struct view target_text(struct json *doc, const struct json_node *n);
