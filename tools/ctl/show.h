#pragma once

/* Core's answer, a JSON document, as people read it: lists as tables, objects as keys and values.
 * Made from the document alone, so a field that core adds shows up without a change here. */

#include "base/buf.h"
#include "base/compiler.h"
#include "base/json.h"
#include "tools/ctl/names.h"

enum show {
    SHOW_LIST,   /* an array of objects: a table */
    SHOW_OBJECT, /* keys and values; tables inside */
    SHOW_SCOPE,  /* the scope id alone, for scripts */
    SHOW_GIVEN,  /* an object that may hold a secret made just now */
    SHOW_TRACE,  /* a message's journey with times */
};

struct show_style {
    size_t width;              /* columns of the screen */
    const struct names *names; /* of accounts; NULL: none are known */
    struct view said;          /* on stderr: the object's own words are not told again */
};

/* No line is wider than the screen, and nothing is cut but titles. An account is shown by its name of
 * @style->names, and by its scope id when it has none, or when its row has the title and there is room.
 * @nothing is said when a list is empty. -ENOMEM, -ENOSPC; -EPROTO when @doc has not the shape. */
AMO_MUSTCHECK int show_answer(enum show how, const char *nothing, struct json *doc,
                              const struct show_style *style, struct buf *out);
