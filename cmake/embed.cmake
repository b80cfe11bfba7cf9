# SPDX-License-Identifier: Apache-2.0 OR MIT
# Daruma inside another project: add_subdirectory(daruma), then link daruma::device. Nothing else of the tree is built;
# options and warnings of the project around it are left alone. docs/embedding.md.
#
#   daruma::device          agent, client, slot, vault, verify, anchor's client: no system, no heap
#   daruma::crypto-psa      the table for PSA Crypto; set DARUMA_PSA_TARGET to your Mbed TLS library first
#   daruma::crypto-openssl  the table for OpenSSL, for programs on a host (where CMake finds OpenSSL)
if(NOT DEFINED DARUMA_PSA_TARGET) # set() before add_subdirectory, or -D
    set(DARUMA_PSA_TARGET "" CACHE STRING "The target with psa/crypto.h that daruma::crypto-psa links")
endif()
set(daruma_source ${CMAKE_CURRENT_SOURCE_DIR}/src)

file(GLOB daruma_device_sources CONFIGURE_DEPENDS
    ${daruma_source}/base/*.c ${daruma_source}/format/*.c ${daruma_source}/device/*/*.c)
list(FILTER daruma_device_sources EXCLUDE REGEX "/device/app/") # the reference product: yours takes its place
list(APPEND daruma_device_sources ${daruma_source}/crypto/hash.c)
add_library(daruma_device STATIC ${daruma_device_sources})
add_library(daruma::device ALIAS daruma_device)
target_include_directories(daruma_device SYSTEM INTERFACE ${daruma_source})
target_include_directories(daruma_device PRIVATE ${daruma_source})
target_compile_features(daruma_device PUBLIC c_std_11)
if(CMAKE_C_COMPILER_ID MATCHES "GNU|Clang") # so that the linker takes only what is called
    target_compile_options(daruma_device PRIVATE -ffunction-sections -fdata-sections
        -fmacro-prefix-map=${CMAKE_CURRENT_SOURCE_DIR}/=)
endif()

if(DARUMA_PSA_TARGET)
    add_library(daruma_crypto_psa STATIC ${daruma_source}/crypto/psa.c)
    add_library(daruma::crypto-psa ALIAS daruma_crypto_psa)
    target_link_libraries(daruma_crypto_psa PUBLIC daruma_device PRIVATE ${DARUMA_PSA_TARGET})
endif()

if(NOT CMAKE_SYSTEM_NAME STREQUAL "Generic")
    find_package(OpenSSL 3.0 QUIET COMPONENTS Crypto)
    if(OPENSSL_FOUND)
        add_library(daruma_crypto_openssl STATIC ${daruma_source}/crypto/openssl.c ${daruma_source}/crypto/sign_openssl.c)
        add_library(daruma::crypto-openssl ALIAS daruma_crypto_openssl)
        target_link_libraries(daruma_crypto_openssl PUBLIC daruma_device OpenSSL::Crypto)
    endif()
endif()
