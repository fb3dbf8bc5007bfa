#pragma once

/* A string with an owner: replaced whole, freed once. */

/* Replace @*field by a copy of @text (NULL: by NULL); without memory the old one stays. */
void text_set(char **field, const char *text);
