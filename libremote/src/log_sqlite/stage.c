typedef int lrm__log_sqlite_stage;
