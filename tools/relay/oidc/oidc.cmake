# Identity tokens, where cjose, libcurl and jansson are there.
pkg_check_modules(CJOSE IMPORTED_TARGET cjose)
pkg_check_modules(CURL IMPORTED_TARGET libcurl)
pkg_check_modules(JANSSON IMPORTED_TARGET jansson)
option(REMOTE_OIDC "remote-relay takes identity tokens (needs cjose, libcurl, jansson)" ON)
if(REMOTE_OIDC AND CJOSE_FOUND AND CURL_FOUND AND JANSSON_FOUND)
  add_library(remote_relay_oidc STATIC ${CMAKE_CURRENT_LIST_DIR}/oidc.c
    ${CMAKE_CURRENT_LIST_DIR}/oidc_token.c)
  target_include_directories(remote_relay_oidc PUBLIC ${CMAKE_CURRENT_LIST_DIR})
  target_compile_definitions(remote_relay_oidc PRIVATE _GNU_SOURCE PUBLIC REMOTE_WITH_OIDC)
  target_link_libraries(remote_relay_oidc
    PUBLIC remote_relay_core remote_carriers PkgConfig::JANSSON
    PRIVATE PkgConfig::CJOSE PkgConfig::CURL remote_warnings)
endif()
