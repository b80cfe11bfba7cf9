/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cli/cli.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_error(struct dr_cli *cli, const char *message)
{
    if (cli->json) {
        json_t *value = json_pack("{s:s}", "error", message);
        (void)dr_cli_print_json(cli, value);
    }
    fprintf(stderr, "%s %s %s: %s\n", cli->program, cli->verb->noun, cli->verb->verb, message);
}

int dr_cli_error(struct dr_cli *cli, const char *format, ...)
{
    char message[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    print_error(cli, message);
    return DR_EXIT_ERROR;
}

int dr_cli_usage(struct dr_cli *cli, const char *format, ...)
{
    char message[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    print_error(cli, message);
    fprintf(stderr, "usage: %s %s   (--help tells more)\n", cli->program, cli->verb->usage);
    return DR_EXIT_USAGE;
}

int dr_cli_print_json(struct dr_cli *cli, json_t *value)
{
    if (value == NULL) {
        fprintf(stderr, "%s: out of memory\n", cli->program);
        return DR_EXIT_ERROR;
    }
    int failed = json_dumpf(value, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
    json_decref(value);
    putchar('\n');
    return failed != 0 || fflush(stdout) != 0 ? DR_EXIT_ERROR : DR_EXIT_DONE;
}

static void tame_text(json_t *text)
{
    char *copy = strdup(json_string_value(text));
    bool changed = false;
    for (unsigned char *at = (unsigned char *)copy; at != NULL && *at != '\0'; at++) {
        if (*at < 0x20 || *at == 0x7f) {
            *at = *at == '\n' || *at == '\r' || *at == '\t' ? ' ' : '?';
            changed = true;
        } else if (at[0] == 0xc2 && at[1] >= 0x80 && at[1] < 0xa0) { /* U+0080 to U+009F */
            at[0] = at[1] = '?';
            changed = true;
        }
    }
    if (changed || copy == NULL) {
        (void)json_string_set(text, copy != NULL ? copy : "?");
    }
    free(copy);
}

void dr_cli_tame(json_t *value)
{
    const char *key;
    size_t index;
    json_t *inner;
    if (json_is_string(value)) {
        tame_text(value);
    }
    json_object_foreach(value, key, inner) /* bound: the parser's own depth */
    {
        dr_cli_tame(inner);
    }
    json_array_foreach(value, index, inner)
    {
        dr_cli_tame(inner);
    }
}

void dr_cli_progress(struct dr_cli *cli, const char *label, uint64_t done, uint64_t total)
{
    enum { width = 30 };
    if (!cli->progress || total == 0) {
        return;
    }
    char bar[width + 1];
    uint64_t filled = done >= total ? width : done * width / total;
    for (uint64_t i = 0; i < width; i++) {
        bar[i] = i < filled ? '#' : '.';
    }
    bar[width] = '\0';
    fprintf(
        stderr, "\r%s [%s] %3u %%", label, bar,
        done >= total ? 100u : (unsigned)(done * 100 / total));
    if (done >= total) {
        fputc('\n', stderr);
    }
    fflush(stderr);
}

void dr_cli_progress_end(struct dr_cli *cli)
{
    if (cli->progress) {
        fputc('\n', stderr);
    }
}
