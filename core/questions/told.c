/* What amo was told of a message.
 *
 * From: whoever shows one. To: nobody. Holds: nothing. */

#include "core/questions/told.h"

#include "core/model/message.h"

void told_json(const struct message *m, struct json_writer *w)
{
    int64_t status = m->reported_status;
    bool delayed = status == REPORTED_DELAYED;

    if (status == 0) {
        json_add_null(w, "told");
        return;
    }
    json_add_text(w, "told", view_of(delayed ? "delayed" : message_told_name(status)));
    json_add_int(w, "told_status", delayed ? -1 : status);
    if (m->reported_ms)
        json_add_time(w, "told_at", m->reported_ms);
    if (m->reported_code)
        json_add_int(w, "told_code", m->reported_code);
    json_add_text_if(w, "told_words", view_of(m->reported_words));
    json_add_text_if(w, "service_code", view_of(m->reported_why));
}
