"""The API of comments."""

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import NotFound
from rest_framework.response import Response

from galproject.api.reading import IdField
from galproject.api.tables import SurveyTableViewSet
from variables.discussion.commenting import comment_on
from variables.models import GalCandidate, GalComment
from variables.models.discussion import MAX_COMMENT
from variables.votes.blindness import note_shown


class CommentSerializer(serializers.ModelSerializer):
    """A comment; of one that was withdrawn the text is empty."""

    user = serializers.CharField(source="user.username", read_only=True)
    text = serializers.SerializerMethodField()

    class Meta:
        model = GalComment
        fields = [
            *("id", "refsource_id", "exposure", "image", "user", "answers", "text"),
            *("time", "changed", "withdrawn"),
        ]

    def get_text(self, comment) -> str:
        return "" if comment.withdrawn else comment.text


class NewCommentSerializer(serializers.Serializer):
    """A comment on a candidate, or an answer to one on it."""

    refsource_id = IdField()
    text = serializers.CharField(max_length=MAX_COMMENT)
    answers = IdField(required=False, allow_null=True, default=None, help_text="a comment's id")


class CommentViewSet(SurveyTableViewSet):
    """Comments, as far as the user may see them: blind ones after the user's own vote."""

    queryset = GalComment.objects.none()
    serializer_class = CommentSerializer
    filterset_fields = ["refsource_id", "exposure", "image", "user"]
    writing_needs = "variables.add_galdecision"

    def get_queryset(self):
        if getattr(self, "swagger_fake_view", False):
            return self.queryset
        return GalComment.objects.visible_to(self.request.user).select_related("user")

    def get_serializer(self, *args, **kwargs):
        if not getattr(self, "swagger_fake_view", False):
            self._note_shown(*args)
        return super().get_serializer(*args, **kwargs)

    def _note_shown(self, shown=None):
        """Record what is shown: of one comment, a page, or a streamed table."""
        rows = shown if isinstance(shown, list) else shown and [shown]
        ids = rows and [one.refsource_id for one in rows if one.refsource_id is not None]
        note_shown(self.request.user, ids)

    @extend_schema(request=NewCommentSerializer, responses={201: CommentSerializer})
    def create(self, request):
        """Comment on a candidate."""
        given = NewCommentSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        said = given.validated_data
        candidate = GalCandidate.objects.filter(pk=said["refsource_id"]).first()
        if candidate is None:
            raise NotFound(f"There is no candidate {said['refsource_id']}")
        made = comment_on(candidate, request.user, said["text"], said["answers"])
        return Response(CommentSerializer(made).data, status=status.HTTP_201_CREATED)
