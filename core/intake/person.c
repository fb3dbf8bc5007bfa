/* Ids for the people whom a service names.
 *
 * From: apply.c and conversation.c, a service's id of a person. To: the same. Holds: nothing. */

#include "core/intake/person.h"

/* Parts with a '-' make hashed ids only, so they meet no readable one (base/ids.h). */
#define CLIENT_PART "client-"
#define AUTHOR_PART "author-"

/* STORE_E_NONE: nobody was met under it, but perhaps in a conversation of his. */
static int client_id(struct core *c, struct view connector, struct view id,
                     char ret[ID_DERIVED_MAX + 1])
{
    bool author = false;
    int rc = id_derive(connector, VIEW_NONE, id, ret);

    rc = rc ? rc : store_person(c->store, ret, &author);
    if (rc == 0 && author)
        rc = id_derive(connector, VIEW_LIT(CLIENT_PART), id, ret);
    return rc;
}

int person_client(struct core *c, struct view connector, struct view id,
                  char ret[ID_DERIVED_MAX + 1])
{
    int rc = client_id(c, connector, id, ret);

    return rc == STORE_E_NONE ? 0 : rc; /* his conversation says that he was met */
}

int person_speaker(struct core *c, struct view connector, struct view id,
                   char ret[ID_DERIVED_MAX + 1])
{
    int rc = client_id(c, connector, id, ret);

    return rc == STORE_E_NONE ? store_person_add(c->store, ret, false) : rc;
}

int person_author(struct core *c, struct view connector, struct view id,
                  char ret[ID_DERIVED_MAX + 1])
{
    bool author = false;
    bool client = false;
    int rc = id_derive(connector, VIEW_NONE, id, ret);

    rc = rc ? rc : store_person(c->store, ret, &author);
    if (rc == STORE_E_NONE) {
        rc = store_person_has_conversation(c->store, ret, &client);
        if (rc == 0 && !client)
            return store_person_add(c->store, ret, true);
    }
    if (rc == 0 && !author)
        rc = id_derive(connector, VIEW_LIT(AUTHOR_PART), id, ret);
    return rc;
}
