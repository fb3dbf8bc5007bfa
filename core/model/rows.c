/* Sets and frees the texts that a conversation, a message and a command row own. */

#include "core/model/rows.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"

int text_set(char **field, struct view v)
{
    char *copy = NULL;

    if (v.len == 0)
        return 0;
    copy = mem_strndup(v.ptr, v.len);
    if (!copy)
        return -ENOMEM;
    mem_free(*field);
    *field = copy;
    return 0;
}

void conversation_fini(struct conversation *c)
{
    mem_free(c->connector);
    mem_free(c->source);
    mem_free(c->service_id);
    mem_free(c->scope);
    mem_free(c->client_id);
    mem_free(c->chat_id);
    mem_free(c->user_id);
    mem_free(c->user_ref);
    mem_free(c->phone);
    mem_free(c->number);
    mem_free(c->name);
    mem_free(c->contact);
    memset(c, 0, sizeof(*c));
}

void message_fini(struct message *m)
{
    mem_free(m->mid);
    mem_free(m->scope);
    mem_free(m->connector);
    mem_free(m->amo_id);
    mem_free(m->service_id);
    mem_free(m->type);
    mem_free(m->chat_id);
    mem_free(m->reason);
    mem_free(m->words);
    mem_free(m->reported_why);
    mem_free(m->reported_words);
    memset(m, 0, sizeof(*m));
}

void command_row_fini(struct command_row *c)
{
    mem_free(c->scope);
    mem_free(c->connector);
    mem_free(c->body);
    memset(c, 0, sizeof(*c));
}
