# Messages to people who do not look, where libcurl is there; what they say and how they are
# encrypted needs OpenSSL alone.
pkg_check_modules(CURL IMPORTED_TARGET libcurl)
option(REMOTE_NOTIFY "remote-relay sends webhooks and Web Push (needs libcurl)" ON)
add_library(remote_relay_wording STATIC ${CMAKE_CURRENT_LIST_DIR}/web_push.c
  ${CMAKE_CURRENT_LIST_DIR}/wording.c)
target_include_directories(remote_relay_wording PUBLIC ${CMAKE_CURRENT_LIST_DIR})
target_link_libraries(remote_relay_wording PUBLIC remote_relay_core
  PRIVATE PkgConfig::CRYPTO remote_warnings)
if(REMOTE_NOTIFY AND CURL_FOUND)
  add_library(remote_relay_notify STATIC ${CMAKE_CURRENT_LIST_DIR}/notifier.c
    ${CMAKE_CURRENT_LIST_DIR}/addresses.c ${CMAKE_CURRENT_LIST_DIR}/request.c)
  target_include_directories(remote_relay_notify PRIVATE ${CMAKE_CURRENT_LIST_DIR}/../program)
  target_compile_definitions(remote_relay_notify PRIVATE _GNU_SOURCE PUBLIC REMOTE_WITH_NOTIFY)
  target_link_libraries(remote_relay_notify PUBLIC remote_relay_wording remote_carriers
    PRIVATE PkgConfig::CURL PkgConfig::CRYPTO remote_warnings)
endif()
