#pragma once

/* A string that somebody owns. */

/* Replace @*field by a copy of @text (NULL: by NULL); without memory the old one stays. */
void text_set(char **field, const char *text);
