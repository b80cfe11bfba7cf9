/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cloud/bus/turns.h"

#include "base/text.h"

#include <stdlib.h>
#include <string.h>

struct dr_turns_line {
    struct dr_turns_line *bucket_next;
    struct dr_turns_line *next; /* has the turn after this one */
    struct dr_turn *first;
    struct dr_turn **end;
    size_t count;
    char client_id[];
};

static struct dr_turns_line **find(struct dr_turns *turns, const char *client_id)
{
    struct dr_turns_line **link = &turns->buckets[dr_text_hash(client_id) % DR_TURNS_BUCKETS];
    while (*link != NULL && strcmp((*link)->client_id, client_id) != 0) { /* bound: the chain */
        link = &(*link)->bucket_next;
    }
    return link;
}

static void append_line(struct dr_turns *turns, struct dr_turns_line *line)
{
    line->next = NULL;
    if (turns->last != NULL) {
        turns->last->next = line;
    } else {
        turns->first = line;
    }
    turns->last = line;
}

static struct dr_turns_line *begin_line(const char *client_id)
{
    size_t size = strlen(client_id) + 1;
    struct dr_turns_line *line = calloc(1, sizeof(*line) + size);
    if (line != NULL) {
        memcpy(line->client_id, client_id, size);
        line->end = &line->first;
    }
    return line;
}

/* Put a text behind what is there already; where it stands now. */
static const char *put(char **at, const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = *at;
    memcpy(copy, text, size);
    *at += size;
    return copy;
}

static struct dr_turn *copy_message(const struct dr_device_message *message)
{
    size_t size = strlen(message->thing) + strlen(message->rest) + strlen(message->client_id) +
                  strlen(message->certificate_id) + 4;
    struct dr_turn *turn = malloc(sizeof(*turn) + size + message->payload_size);
    if (turn == NULL) {
        return NULL;
    }
    char *at = turn->bytes;
    turn->next = NULL;
    turn->message = *message;
    turn->message.thing = put(&at, message->thing);
    turn->message.rest = put(&at, message->rest);
    turn->message.client_id = put(&at, message->client_id);
    turn->message.certificate_id = put(&at, message->certificate_id);
    if (message->payload_size > 0) {
        memcpy(at, message->payload, message->payload_size);
    }
    turn->message.payload = (const uint8_t *)at;
    return turn;
}

enum dr_status dr_turns_add(struct dr_turns *turns, const struct dr_device_message *message)
{
    struct dr_turns_line **link = find(turns, message->client_id);
    if (*link != NULL && (*link)->count == DR_TURNS_LINE_MAX) {
        return DR_E_SPACE;
    }
    struct dr_turn *turn = copy_message(message);
    if (turn == NULL) {
        return DR_E_SPACE;
    }
    if (*link == NULL) {
        *link = begin_line(message->client_id);
        if (*link == NULL) {
            free(turn);
            return DR_E_SPACE;
        }
        append_line(turns, *link);
    }
    struct dr_turns_line *line = *link;
    *line->end = turn;
    line->end = &turn->next;
    line->count++;
    return DR_OK;
}

struct dr_turn *dr_turns_take(struct dr_turns *turns)
{
    struct dr_turns_line *line = turns->first;
    if (line == NULL) {
        return NULL;
    }
    turns->first = line->next;
    if (turns->first == NULL) {
        turns->last = NULL;
    }
    struct dr_turn *turn = line->first;
    line->first = turn->next;
    line->count--;
    if (line->first != NULL) {
        append_line(turns, line);
    } else {
        *find(turns, line->client_id) = line->bucket_next;
        free(line);
    }
    return turn;
}

void dr_turns_clear(struct dr_turns *turns)
{
    struct dr_turn *turn = dr_turns_take(turns);
    while (turn != NULL) { /* bound: what waits */
        free(turn);
        turn = dr_turns_take(turns);
    }
}
