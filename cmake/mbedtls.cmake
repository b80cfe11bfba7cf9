# SPDX-License-Identifier: Apache-2.0 OR MIT
# What the boot ROM takes from Mbed TLS and calls directly: P-256 verification.
# Fetched by tools/fetch-sources; its warnings are its own.
file(GLOB rom_source CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/crypto/rom*.c)
if(rom_source AND EXISTS ${DR_MBEDTLS_DIR}/library/sha256.c)
    add_library(dr_mbedtls STATIC
        ${DR_MBEDTLS_DIR}/3rdparty/p256-m/p256-m/p256-m.c
        ${DR_MBEDTLS_DIR}/library/platform_util.c)
    target_include_directories(dr_mbedtls SYSTEM PUBLIC
        ${DR_MBEDTLS_DIR}/include ${DR_MBEDTLS_DIR}/library ${DR_MBEDTLS_DIR}/3rdparty/p256-m/p256-m)
    target_include_directories(dr_mbedtls PUBLIC ${CMAKE_SOURCE_DIR}/src)
    target_compile_definitions(dr_mbedtls PUBLIC MBEDTLS_CONFIG_FILE="crypto/rom_config.h")
    target_compile_options(dr_mbedtls PRIVATE -w)
    add_library(dr_crypto_rom STATIC ${rom_source})
    target_link_libraries(dr_crypto_rom PUBLIC dr_crypto dr_mbedtls)
    target_compile_definitions(dr_crypto_rom INTERFACE DR_HAVE_CRYPTO_ROM=1)
else()
    message(STATUS "Mbed TLS source not found in ${DR_MBEDTLS_DIR}: run tools/fetch-sources first")
    add_library(dr_crypto_rom INTERFACE)
endif()
