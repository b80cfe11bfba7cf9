/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cloud/signer/protocol.h"

#include <string.h>

bool dr_signer_profile_name_valid(const char *name)
{
    size_t len = strnlen(name, DR_SIGNER_PROFILE_MAX + 1);
    if (len == 0 || len > DR_SIGNER_PROFILE_MAX) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        char c = name[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '_' || c == '-')) {
            return false;
        }
    }
    return true;
}

/* u16 length, bytes. */
static void write_text(struct dr_writer *writer, const char *text, size_t len_max)
{
    size_t len = strnlen(text, len_max);
    dr_write_u16(writer, (uint16_t)len);
    dr_write_bytes(writer, (const uint8_t *)text, len);
}

/* No byte 0 inside: a text means the same on both sides. */
static void read_text(struct dr_reader *reader, char *out, size_t len_max)
{
    size_t len = dr_read_u16(reader);
    if (len > len_max) {
        dr_reader_fail(reader, DR_E_FORMAT);
        len = 0;
    }
    dr_read_bytes(reader, (uint8_t *)out, len);
    out[len] = '\0';
    if (memchr(out, 0, len) != NULL) {
        dr_reader_fail(reader, DR_E_FORMAT);
    }
}

/* The length in front is written last. */
static size_t begin_message(struct dr_writer *writer)
{
    size_t at = writer->size_bytes;
    dr_write_u32(writer, 0);
    dr_write_u8(writer, DR_SIGNER_VERSION);
    return at;
}

static enum dr_status end_message(struct dr_writer *writer, size_t at)
{
    if (writer->status != DR_OK) {
        return writer->status;
    }
    size_t size = writer->size_bytes - at - 4;
    if (size > DR_SIGNER_MESSAGE_MAX) {
        return DR_E_SPACE;
    }
    struct dr_writer head;
    dr_writer_init(&head, writer->data + at, 4);
    dr_write_u32(&head, (uint32_t)size);
    return head.status;
}

static void write_image(struct dr_writer *writer, const struct dr_signer_image *image)
{
    write_text(writer, image->product, DR_SIGNER_PRODUCT_MAX);
    dr_write_u8(writer, image->order.has_sequence ? 1 : 0);
    dr_write_u32(writer, image->order.sequence);
    dr_write_u8(writer, image->order.version.major);
    dr_write_u8(writer, image->order.version.minor);
    dr_write_u16(writer, image->order.version.revision);
    dr_write_u32(writer, image->order.version.build);
    dr_write_u32(writer, image->security_counter);
}

static void read_image(struct dr_reader *reader, struct dr_signer_image *image)
{
    read_text(reader, image->product, DR_SIGNER_PRODUCT_MAX);
    unsigned has_sequence = dr_read_u8(reader);
    if (has_sequence > 1) {
        dr_reader_fail(reader, DR_E_FORMAT);
    }
    image->order.has_sequence = has_sequence == 1;
    image->order.sequence = dr_read_u32(reader);
    image->order.version.major = dr_read_u8(reader);
    image->order.version.minor = dr_read_u8(reader);
    image->order.version.revision = dr_read_u16(reader);
    image->order.version.build = dr_read_u32(reader);
    image->security_counter = dr_read_u32(reader);
}

static bool has_profile(enum dr_signer_operation operation)
{
    return operation == DR_SIGNER_SIGN_FILE || operation == DR_SIGNER_SIGN_IMAGE ||
           operation == DR_SIGNER_APPROVE || operation == DR_SIGNER_SIGN_COMMAND;
}

enum dr_status
dr_signer_request_encode(const struct dr_signer_request *request, struct dr_writer *writer)
{
    size_t at = begin_message(writer);
    dr_write_u8(writer, (uint8_t)request->operation);
    if (has_profile(request->operation)) {
        write_text(writer, request->profile, DR_SIGNER_PROFILE_MAX);
        dr_write_bytes(writer, request->image.digest, sizeof(request->image.digest));
    }
    if (request->operation == DR_SIGNER_SIGN_IMAGE) {
        write_image(writer, &request->image);
    } else if (request->operation == DR_SIGNER_SIGN_COMMAND) {
        write_text(writer, request->image.product, DR_SIGNER_PRODUCT_MAX);
        dr_write_u8(writer, (uint8_t)request->command);
    }
    return end_message(writer, at);
}

enum dr_status dr_signer_request_decode(
    const uint8_t *data, size_t size_bytes, struct dr_signer_request *ret_request)
{
    struct dr_reader reader;
    struct dr_signer_request request;
    memset(&request, 0, sizeof(request));
    dr_reader_init(&reader, data, size_bytes);
    unsigned version = dr_read_u8(&reader);
    unsigned operation = dr_read_u8(&reader);
    if (reader.status == DR_OK && version != DR_SIGNER_VERSION) {
        return DR_E_UNSUPPORTED;
    }
    if (operation < DR_SIGNER_PING || operation > DR_SIGNER_RELOAD) {
        return reader.status != DR_OK ? reader.status : DR_E_UNSUPPORTED;
    }
    request.operation = (enum dr_signer_operation)operation;
    if (has_profile(request.operation)) {
        read_text(&reader, request.profile, DR_SIGNER_PROFILE_MAX);
        dr_read_bytes(&reader, request.image.digest, sizeof(request.image.digest));
        if (reader.status == DR_OK && !dr_signer_profile_name_valid(request.profile)) {
            return DR_E_FORMAT;
        }
    }
    if (request.operation == DR_SIGNER_SIGN_IMAGE) {
        read_image(&reader, &request.image);
    } else if (request.operation == DR_SIGNER_SIGN_COMMAND) {
        read_text(&reader, request.image.product, DR_SIGNER_PRODUCT_MAX);
        unsigned command = dr_read_u8(&reader);
        if (command != DR_JOB_ACTION_REVERT && command != DR_JOB_ACTION_FACTORY) {
            dr_reader_fail(&reader, DR_E_FORMAT);
        }
        request.command = (enum dr_job_action)command;
    }
    DR_TRY(dr_reader_end(&reader));
    *ret_request = request;
    return DR_OK;
}

static void write_profiles(struct dr_writer *writer, const struct dr_signer_answer *answer)
{
    dr_write_u8(writer, (uint8_t)answer->profile_count);
    for (size_t i = 0; i < answer->profile_count && i < DR_SIGNER_PROFILES_MAX; i++) {
        const struct dr_signer_profile *profile = &answer->profiles[i];
        write_text(writer, profile->name, DR_SIGNER_PROFILE_MAX);
        dr_write_u8(writer, (uint8_t)profile->kind);
        write_text(writer, profile->product, DR_SIGNER_PRODUCT_MAX);
        dr_write_u8(writer, profile->approval ? 1 : 0);
        dr_write_bytes(writer, profile->spki, sizeof(profile->spki));
    }
}

static void read_profiles(struct dr_reader *reader, struct dr_signer_answer *answer)
{
    size_t count = dr_read_u8(reader);
    if (count > DR_SIGNER_PROFILES_MAX) {
        dr_reader_fail(reader, DR_E_FORMAT);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        struct dr_signer_profile *profile = &answer->profiles[i];
        read_text(reader, profile->name, DR_SIGNER_PROFILE_MAX);
        unsigned kind = dr_read_u8(reader);
        read_text(reader, profile->product, DR_SIGNER_PRODUCT_MAX);
        profile->approval = dr_read_u8(reader) != 0;
        dr_read_bytes(reader, profile->spki, sizeof(profile->spki));
        if (kind != DR_SIGNER_KIND_FILE && kind != DR_SIGNER_KIND_IMAGE) {
            dr_reader_fail(reader, DR_E_FORMAT);
            return;
        }
        profile->kind = (enum dr_signer_kind)kind;
    }
    answer->profile_count = count;
}

static bool has_signature(enum dr_signer_operation operation)
{
    return operation == DR_SIGNER_SIGN_FILE || operation == DR_SIGNER_SIGN_IMAGE ||
           operation == DR_SIGNER_SIGN_COMMAND;
}

enum dr_status dr_signer_answer_encode(
    const struct dr_signer_answer *answer, enum dr_signer_operation operation,
    struct dr_writer *writer)
{
    size_t at = begin_message(writer);
    dr_write_u32(writer, (uint32_t)answer->status);
    write_text(writer, answer->detail, DR_SIGNER_DETAIL_MAX);
    if (answer->status == DR_OK && has_signature(operation)) {
        dr_write_u8(writer, (uint8_t)answer->signature.size_bytes);
        dr_write_bytes(writer, answer->signature.der, answer->signature.size_bytes);
    }
    if (answer->status == DR_OK && operation == DR_SIGNER_PROFILES) {
        write_profiles(writer, answer);
    }
    return end_message(writer, at);
}

static void read_signature(struct dr_reader *reader, struct dr_signer_signature *signature)
{
    size_t size = dr_read_u8(reader);
    if (size == 0 || size > sizeof(signature->der)) {
        dr_reader_fail(reader, DR_E_FORMAT);
        return;
    }
    dr_read_bytes(reader, signature->der, size);
    signature->size_bytes = size;
}

enum dr_status dr_signer_answer_decode(
    const uint8_t *data, size_t size_bytes, enum dr_signer_operation operation,
    struct dr_signer_answer *ret_answer)
{
    struct dr_reader reader;
    dr_reader_init(&reader, data, size_bytes);
    memset(ret_answer, 0, sizeof(*ret_answer));
    unsigned version = dr_read_u8(&reader);
    int32_t status = (int32_t)dr_read_u32(&reader);
    read_text(&reader, ret_answer->detail, DR_SIGNER_DETAIL_MAX);
    if (reader.status == DR_OK && version != DR_SIGNER_VERSION) {
        return DR_E_UNSUPPORTED;
    }
    if (status > DR_OK || status < DR_E_INTERNAL) {
        return DR_E_FORMAT;
    }
    ret_answer->status = (enum dr_status)status;
    if (status == DR_OK && has_signature(operation)) {
        read_signature(&reader, &ret_answer->signature);
    }
    if (status == DR_OK && operation == DR_SIGNER_PROFILES) {
        read_profiles(&reader, ret_answer);
    }
    return dr_reader_end(&reader);
}
