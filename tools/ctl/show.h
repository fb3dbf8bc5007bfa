#pragma once

/* Core's answer, a JSON document, as people read it: lists as tables, objects as keys and values.
 * Made from the document alone, so a field that core adds shows up without a change here. */

#include "base/buf.h"
#include "base/compiler.h"
#include "base/json.h"

enum show {
    SHOW_LIST,   /* an array of objects: a table */
    SHOW_OBJECT, /* keys and values; tables inside */
    SHOW_SCOPE,  /* the scope id alone, for scripts */
    SHOW_GIVEN,  /* an object that may hold a secret made just now */
    SHOW_TRACE,  /* a message's journey with times */
};

/* @nothing is said when a list is empty. -ENOMEM, -ENOSPC; -EPROTO when @doc has not the shape. */
AMO_MUSTCHECK int show_answer(enum show how, const char *nothing, struct json *doc,
                              struct buf *out);
