typedef int lrm__link_stage;
