from django.contrib.auth.models import Permission
from people.models import Person

ada = Person.objects.create_user("ada@clinic.example", "pw-of-ada")
ada.user_permissions.add(Permission.objects.get(codename="CreateMeetingSession"))
