/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Numbers of MCUboot's image format and of our own TLVs; private to the image reader and writer. */
#ifndef DR_FORMAT_IMAGE_TLV_H
#define DR_FORMAT_IMAGE_TLV_H

#define DR_TLV_INFO_BYTES 4u  /* u16 magic, u16 size of the area with these 4 bytes */
#define DR_TLV_ENTRY_BYTES 4u /* u16 type, u16 size of the data */
#define DR_TLV_MAGIC_PROTECTED 0x6908u
#define DR_TLV_MAGIC_OTHER 0x6907u

enum dr_tlv_type {
    /* the other area */
    DR_TLV_KEYHASH = 0x01,
    DR_TLV_PUBKEY = 0x02,
    DR_TLV_SHA256 = 0x10,
    DR_TLV_ECDSA = 0x22,
    /* the protected area */
    DR_TLV_SECURITY_COUNTER = 0x50,
    DR_TLV_DECOMPRESSION_FIRST = 0x70,
    DR_TLV_DECOMPRESSION_LAST = 0x73,
    DR_TLV_PRODUCT = 0xdaa0,
    DR_TLV_SEQUENCE = 0xdaa1,
    DR_TLV_LIMITS = 0xdaa2,
    DR_TLV_MIN_ROM = 0xdaa3,
    DR_TLV_BASE_DIGEST = 0xdaa4,
    DR_TLV_BLOCK_ROOT = 0xdaa5,
    DR_TLV_REVOCATION = 0xdaa6,
    DR_TLV_RESERVED_FIRST = 0xdaa7,
    DR_TLV_RESERVED_LAST = 0xdaaf,
};

#endif
