# The relay's core as a target of its own: the program links it, and so do the fuzz targets, which
# are built without the tools.
if(NOT TARGET remote_relay_core)
  pkg_check_modules(CRYPTO REQUIRED IMPORTED_TARGET libcrypto)
  set(relay_sources
    account.c
    attach.c
    audit.c
    between.c
    calls.c
    commands.c
    connection.c
    device.c
    events.c
    invitation.c
    login.c
    long_poll.c
    messages.c
    notifications.c
    organization.c
    page.c
    pairing.c
    policy.c
    policy_calls.c
    presence.c
    push.c
    format.c needs.c quota.c
    record.c
    relay.c
    retention.c
    session.c
    slow.c
  )
  list(TRANSFORM relay_sources PREPEND ${CMAKE_CURRENT_LIST_DIR}/)
  add_library(remote_relay_core STATIC ${relay_sources})
  target_compile_definitions(remote_relay_core PRIVATE _POSIX_C_SOURCE=200809L)
  target_include_directories(remote_relay_core PUBLIC ${CMAKE_CURRENT_LIST_DIR})
  target_link_libraries(remote_relay_core
    PUBLIC remote_log remote_link remote_frame remote_schema remote_base remote_gen
    PRIVATE PkgConfig::CRYPTO remote_warnings)
endif()
