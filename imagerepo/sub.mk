libs           += imagerepo
imagerepo-srcs := $(addprefix imagerepo/,contents.c draft.c)
imagerepo-libs := trust common
imagerepo-srcs += $(addprefix imagerepo/,image.c names.c index.c index-write.c bundle.c)
imagerepo-srcs += $(addprefix imagerepo/,repo.c repo-blob.c repo-targets.c trace.c disk.c \
                  parallel.c chunker.c compress.c known.c known-cache.c publish.c \
                  bundle-make.c bundle-inherit.c anchors.c deflate.c deflate-codes.c delta.c delta-expand.c \
                  delta-scan.c delta-match.c delta-plan.c delta-make.c delta-write.c delta-apply.c gc.c fsck.c)
imagerepo-pkgs := jansson libzstd zlib

# The program of the same name.
progs               += imagerepo-tool
imagerepo-tool-exe  := imagerepo
imagerepo-tool-srcs := $(addprefix imagerepo/tool/,main.c util.c init.c recipe.c \
                       stage.c stage-block.c needs.c modules.c tree.c tree-find.c tree-write.c publish.c verify.c list.c \
                       meta.c meta-change.c meta-commit.c meta-keys.c key.c keys.c root.c \
                       root-edit.c delegate.c refresh.c)
imagerepo-tool-libs := imagerepo httpc tuf trust common
imagerepo-tool-srcs += $(addprefix imagerepo/tool/,build.c build-base.c \
                       build-debian.c build-disk.c build-list.c build-report.c \
                       build-command.c archive-in.c archive-oci.c ext4.c ext4-file.c trace.c trace-run.c \
                       trace-guest.c)
imagerepo-tool-ldlibs := -larchive -lext2fs -lcom_err
imagerepo-tool-srcs += $(addprefix imagerepo/tool/,publish-blobs.c publish-old.c change.c \
                       channel.c revoke.c gc.c sweep.c view.c follow.c wanted.c fetch.c \
                       fetch-blobs.c fetch-part.c blobset.c diff.c diff-make.c diff-print.c \
                       mirror.c mirror-run.c mirror-image.c mirror-state.c export.c \
                       import.c serve.c)
imagerepo-tool-pkgs := jansson libcurl

tests                += test-image-tree
test-image-tree-srcs := tests/unit/test-image-tree.c \
                        $(addprefix imagerepo/tool/,tree.c tree-find.c tree-write.c \
                        archive-in.c archive-oci.c ext4.c ext4-file.c)
test-image-tree-libs := imagerepo trust common
test-image-tree-pkgs := cmocka jansson
test-image-tree-ldlibs := -larchive -lext2fs -lcom_err

tests                += test-fuzz-build
test-fuzz-build-srcs := tests/fuzz/replay.c tests/fuzz/build.c imagerepo/tool/tree.c imagerepo/tool/tree-find.c imagerepo/tool/archive-in.c imagerepo/tool/archive-oci.c imagerepo/tool/tree-write.c
test-fuzz-build-libs := imagerepo trust common
test-fuzz-build-pkgs := jansson
test-fuzz-build-ldlibs := -larchive

tests                 += test-fuzz-recipe
test-fuzz-recipe-srcs := tests/fuzz/replay.c tests/fuzz/recipe.c imagerepo/tool/recipe.c imagerepo/tool/wanted.c imagerepo/tool/util.c
test-fuzz-recipe-libs := imagerepo tuf trust common
test-fuzz-recipe-pkgs := jansson

tests                 += test-image-words
test-image-words-srcs := tests/unit/test-image-words.c \
                         $(addprefix imagerepo/tool/,wanted.c blobset.c fetch.c \
                         fetch-blobs.c fetch-part.c)
test-image-words-libs := imagerepo tuf trust common
test-image-words-pkgs := cmocka jansson libcurl

# Keys for trying things out, and the images that the emulated segment runs.
# Publishing again changes nothing until half of the signatures' time is over.
artefacts += images
image-files := $(shell find imagerepo/recipes -type f)
image-from   = --from $(BUILD)/debian/root --from / --bin $(BUILD)/bin
# Keys and a repository of an older form make way.
$(BUILD)/keys/root.json: $(BUILD)/keys/maintainer.key
$(BUILD)/keys/maintainer.key: | $(BUILD)/bin/imagerepo
	$(Q)rm -rf $(@D) $(BUILD)/repo && $(BUILD)/bin/imagerepo init $(@D)
$(BUILD)/images/%/image.json: imagerepo/recipes/%/recipe.conf $(image-files) \
		$(BUILD)/debian/stamp $(BUILD)/bin/imagerepo $(BUILD)/bin/worker
	$(Q)$(BUILD)/bin/imagerepo build imagerepo/recipes/$* -o $(@D) $(image-from)
# What a start of it reads, by starting it once in an emulated PC. A build keeps
# the trace of a disk that is the same as before.
$(BUILD)/images/%/root.trace: $(BUILD)/images/%/image.json $(BUILD)/bin/imagedev
	$(Q)[ -s $@ ] || $(BUILD)/bin/imagerepo trace $(@D) --from $(BUILD)/debian/root
	$(Q)touch $@
.PRECIOUS: $(BUILD)/images/%/image.json
images-all: $(foreach i,batch debian vina,$(BUILD)/images/$i/root.trace) ## build all sample images (packages by the network)
.PHONY: images-all
images: $(BUILD)/images/batch/root.trace $(BUILD)/keys/root.json ## build the images and publish them in build/repo
	$(Q)$(BUILD)/bin/imagerepo publish $(BUILD)/images/batch \
		--repo $(BUILD)/repo --keys $(BUILD)/keys
.PHONY: images

# The library without keys, for benches and tests.
progs                 += imagerepo-library
imagerepo-library-srcs := tests/bench/update/library.c
imagerepo-library-libs := imagerepo trust common
imagerepo-library-pkgs := jansson

define repo-test
tests     += $(1)
$(1)-srcs := tests/unit/$(1).c tests/unit/repo-fixture.c
$(1)-libs := imagerepo trust common
$(1)-pkgs := cmocka jansson
endef
$(foreach t,test-repo test-repo-damage,$(eval $(call repo-test,$(t))))

# Each format has a fuzzer; its corpus is replayed as a test.
define imagerepo-fuzz
tests                   += test-fuzz-$(1)
test-fuzz-$(1)-srcs     := tests/fuzz/replay.c tests/fuzz/$(1).c
test-fuzz-$(1)-libs     := imagerepo trust common
test-fuzz-$(1)-pkgs     := jansson libzstd zlib
test-fuzz-$(1)-cppflags := -Iimagerepo
endef
$(foreach f,image index bundle delta deflate,$(eval $(call imagerepo-fuzz,$(f))))

tests                 += test-deflate
test-deflate-srcs     := tests/unit/test-deflate.c
test-deflate-libs     := imagerepo trust common
test-deflate-pkgs     := cmocka jansson
test-deflate-cppflags := -Iimagerepo
