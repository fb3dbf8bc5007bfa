#pragma once

/* Doubly linked list whose links live in the element. A list is a head; an element that is
 * in no list points at itself, so removing it twice is harmless. Owns nothing. */

#include <stdbool.h>
#include <stddef.h>

struct list {
    struct list *prev;
    struct list *next;
};

/* The element that holds link @ptr as its field @member. */
#define LIST_ENTRY(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))
/* The same for reading only. */
#define LIST_ENTRY_CONST(ptr, type, member)                                                    \
    ((const type *)(const void *)((const char *)(ptr)-offsetof(type, member)))

static inline void list_init(struct list *l)
{
    l->prev = l;
    l->next = l;
}
static inline bool list_is_empty(const struct list *head)
{
    return head->next == head;
}
static inline void list_insert_before(struct list *place, struct list *link)
{
    link->prev = place->prev;
    link->next = place;
    place->prev->next = link;
    place->prev = link;
}
static inline void list_add_tail(struct list *head, struct list *link)
{
    list_insert_before(head, link);
}
static inline void list_add_head(struct list *head, struct list *link)
{
    list_insert_before(head->next, link);
}
static inline void list_remove(struct list *link)
{
    link->prev->next = link->next;
    link->next->prev = link->prev;
    list_init(link);
}
